import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import grpc from "@grpc/grpc-js";
import type { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import services from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engine from "@pulumi/pulumi/proto/engine_pb.js";

/** What everybody who sees a run is told. */
const NOTICE = "AWS is stood in for: nothing is created in, or asked of, any AWS account. See docs/standins.md.";

/** Talks to the user through the engine. */
export class EngineLog {
  readonly #client: EngineClient;
  readonly #address: string;

  constructor(address: string) {
    this.#address = address;
    this.#client = new services.EngineClient(address, grpc.credentials.createInsecure());
  }

  /** Tells something to the user, or to the log when it is of no interest to most. */
  async say(message: string, severity: "info" | "debug" = "info"): Promise<void> {
    const { INFO, DEBUG } = engine.LogSeverity;
    const request = new engine.LogRequest().setSeverity(severity === "info" ? INFO : DEBUG).setMessage(message);
    await new Promise<void>((resolve) => this.#client.log(request, () => resolve()));
  }

  /** Says, once in a run of the engine, that AWS is stood in for: an engine starts several providers. */
  async announce(): Promise<void> {
    const marker = join(tmpdir(), `yolo-standin-${process.ppid}-${this.#address.replaceAll(/\W/g, "-")}`);
    try {
      writeFileSync(marker, "", { flag: "wx" });
    } catch {
      return;
    }
    process.on("exit", () => rmSync(marker, { force: true }));
    await this.say(NOTICE);
  }
}

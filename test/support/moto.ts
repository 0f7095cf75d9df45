import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pythonEnvironment } from "./python.ts";

/** Keys that moto takes for those of its one account. */
const KEYS = { AWS_ACCESS_KEY_ID: "moto", AWS_SECRET_ACCESS_KEY: "moto", AWS_SESSION_TOKEN: undefined };

/** A Python program with moto's server in it: AWS's protocols, and what moto knows of AWS behind them. */
export class Moto<Told extends { port: number } = { port: number }> implements AsyncDisposable {
  /** What the program printed when it was ready. */
  readonly told: Told;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, told: Told) {
    this.#child = child;
    this.told = told;
  }

  /** Starts a program of test/python, and waits for the line of JSON with its port. */
  static async start<Told extends { port: number }>(
    program = "moto-server.py",
    args: readonly string[] = [],
  ): Promise<Moto<Told>> {
    const python = await pythonEnvironment("moto");
    const child = spawn(python, [join(import.meta.dirname, "../python", program), ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { PATH: process.env.PATH },
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith("{")) return new Moto(child, JSON.parse(line) as Told);
    }
    throw new Error(`moto did not start: ${said}`);
  }

  /** Environment in which AWS's SDKs ask this server, and no other. */
  get env(): Record<string, string | undefined> {
    return {
      ...KEYS,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${this.told.port}`,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_PROFILE: undefined,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "close");
    this.#child.stdin?.end();
    this.#child.kill("SIGKILL");
    await ended;
  }
}

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PATHS } from "../../service/contract.ts";

const SERVER = join(import.meta.dirname, "../../service/src/server.ts");

/** A server in a process of its own, and everything that it printed. */
export class Server {
  readonly process: ChildProcess;
  readonly exit: Promise<[number | null, NodeJS.Signals | null]>;
  output = "";

  constructor(env: Record<string, string>, args: string[] = ["--port", "0", "--host", "127.0.0.1"]) {
    // Nothing is inherited: a server must not need what happens to be set here.
    this.process = spawn(process.execPath, [SERVER, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        this.output += chunk;
      });
    }
    this.exit = once(this.process, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  }

  /** Its address, once it listens. */
  async url(): Promise<string> {
    for (;;) {
      const found = /Server listening at (http:[^"\s]+)/.exec(this.output)?.[1];
      if (found !== undefined) return found;
      assert.equal(this.process.exitCode, null, this.output);
      await sleep(10);
    }
  }

  /** Its address, once it is ready. */
  async ready(): Promise<string> {
    const url = await this.url();
    while (!(await fetch(url + PATHS.ready)).ok) {
      assert.equal(this.process.exitCode, null, this.output);
      await sleep(10);
    }
    return url;
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../local/errors.ts";
import { type Call, send } from "./load.ts";
import { type Usage, usageOf } from "./processes.ts";
import type { Contender, Inputs } from "./servers.ts";

/** Milliseconds until a server that does not get ready counts as failed. */
const START_LIMIT_MS = 120_000;

/** Milliseconds between SIGTERM and SIGKILL. */
const STOP_LIMIT_MS = 10_000;

/** A server that answers. */
export interface Running {
  contender: Contender;
  call: Call;
  /** Seconds from starting the process to ready. */
  startSeconds: number;
  usage(): Usage;
  stop(): Promise<void>;
}

/** A port with two free ones after it, which some servers want. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("expected a port");
  return address.port;
}

/**
 * Starts a server and waits until it has answered one photo.
 * @throws UserError with what it printed when it ends or does not get ready
 */
export async function start(contender: Contender, inputs: Inputs, signal: AbortSignal): Promise<Running> {
  const port = await freePort();
  const { program, args, env } = await contender.command(port, inputs);
  const { PATH = "", HOME = "" } = process.env;
  const started = performance.now();
  const child = spawn(program, args, {
    cwd: inputs.folder,
    env: { PATH, HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that all its processes can be ended.
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-3000);
    });
  }
  const exit = once(child, "close");
  const url = `http://127.0.0.1:${port}`;
  const probe: Call = { url: url + contender.ready, method: "GET", headers: {} };
  try {
    while (!(await answers(probe))) {
      signal.throwIfAborted();
      const late = performance.now() - started > START_LIMIT_MS;
      if (child.exitCode !== null || late) {
        throw new UserError(`Expected ${contender.name} to get ready but it ${late ? "did not" : "ended"}:\n${output}`);
      }
      await sleep(20);
    }
    const startSeconds = (performance.now() - started) / 1000;
    const call = contender.call(url, inputs.photo);
    if (!contender.kind.startsWith("limit")) await send(call);
    return {
      contender,
      call,
      startSeconds,
      usage: () => usageOf(child.pid ?? 0),
      stop: () => stop(child, exit),
    };
  } catch (error) {
    await stop(child, exit);
    throw error;
  }
}

async function answers(probe: Call): Promise<boolean> {
  return send(probe).then(
    () => true,
    () => false,
  );
}

async function stop(child: ChildProcess, exit: Promise<unknown>): Promise<void> {
  const { pid } = child;
  // It never started; a group 0 would be this program's own.
  if (pid === undefined) return;
  const group = (name: NodeJS.Signals) => {
    try {
      process.kill(-pid, name);
    } catch {
      // Already gone.
    }
  };
  group("SIGTERM");
  const ended = await Promise.race([exit.then(() => true), sleep(STOP_LIMIT_MS, false, { ref: false })]);
  // Also after a clean end: a child that outlived its parent.
  group("SIGKILL");
  if (!ended) await exit;
}

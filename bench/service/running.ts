import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../local/errors.ts";
import { type Call, CallError, send } from "./load.ts";
import { type Usage, usageOf } from "./processes.ts";
import type { Contender, Found, Inputs } from "./servers.ts";

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
  /** What it found in the photo; undefined for a limit. */
  found: Found[] | undefined;
  usage(): Usage;
  stop(): Promise<void>;
}

/** A free port; 0 asks for any. */
async function listening(port: number): Promise<{ port: number; close(): void } | undefined> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return undefined;
  }
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Expected a port of a server that listens.");
  return { port: address.port, close: () => server.close() };
}

/** A free port with two free ones after it, which MLServer wants. */
async function freePort(): Promise<number> {
  for (;;) {
    const first = await listening(0);
    const rest = await Promise.all([1, 2].map((i) => first && listening(first.port + i)));
    for (const one of [first, ...rest]) one?.close();
    if (first !== undefined && !rest.includes(undefined)) return first.port;
  }
}

/**
 * Starts a server and waits until it has answered one photo.
 * @throws UserError when it cannot be installed, ends, does not get ready or cannot answer, with what it printed
 */
export async function start(contender: Contender, inputs: Inputs, signal: AbortSignal): Promise<Running> {
  const port = await freePort();
  const { program, args, env } = await contender.command(port, inputs, signal);
  const { PATH = "", HOME = "" } = process.env;
  const started = performance.now();
  const child = spawn(program, args, {
    cwd: inputs.folder,
    // ONNX Runtime reports its use to Microsoft else.
    env: { PATH, HOME, ORT_DISABLE_TELEMETRY: "1", ...env },
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
  // An error (no such program) has no other consequence than that nothing was started.
  const exit = once(child, "close").catch(() => undefined);
  const url = `http://127.0.0.1:${port}`;
  const probe: Call = { url: url + contender.ready, method: "GET", headers: {} };
  try {
    while (!(await answers(probe, signal))) {
      signal.throwIfAborted();
      if (child.pid === undefined) throw new UserError(`Expected to start ${program}, but it could not be.`);
      const late = performance.now() - started > START_LIMIT_MS;
      if (child.exitCode !== null || late) {
        throw new UserError(`Expected ${contender.name} to get ready but it ${late ? "did not" : "ended"}:\n${output}`);
      }
      await sleep(20);
    }
    const startSeconds = (performance.now() - started) / 1000;
    const call = contender.call(url, inputs.photo);
    const found = contender.found?.(await send(call, signal));
    return {
      contender,
      call,
      startSeconds,
      found,
      usage: () => usageOf(child.pid ?? 0),
      stop: () => stop(child, exit),
    };
  } catch (error) {
    await stop(child, exit);
    if (error instanceof CallError) throw new UserError(`${error.message}\n${output}`);
    throw error;
  }
}

async function answers(probe: Call, signal: AbortSignal): Promise<boolean> {
  return send(probe, signal).then(
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

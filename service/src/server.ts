import "./size-thread-pool.ts";
import { parseArgs } from "node:util";
import type { FastifyInstance } from "fastify";
import { PORTS } from "../contract.ts";
import { buildApp } from "./app.ts";
import { readConfig, settingsHelp } from "./config.ts";
import { drain, drainLimitMs, type Traffic } from "./drain.ts";
import { loadEngine } from "./engine.ts";
import { StartError } from "./errors.ts";
import { endThreads } from "./inference/slot.ts";
import type { State } from "./state.ts";

const USAGE = `Usage: node server.ts [--host ADDRESS] [--port NUMBER]
Answers POST /predict with the objects that YOLO models find in images.

  --host ADDRESS  address to listen on (default: all)
  --port NUMBER   port to listen on, 0 for any free one (default: ${PORTS.http})

${settingsHelp()}`;

/** Milliseconds that the process waits, when it must end at once, for threads that are in native code. */
const FORCED_END_MS = 1_000;

/** The same when the start has failed: others may be loading what is large. */
const FAILED_START_END_MS = 10_000;

interface Options {
  host?: string;
  port: number;
}

function readOptions(args: string[]): Options | "help" {
  try {
    const options = {
      host: { type: "string" },
      port: { type: "string" },
      help: { type: "boolean", short: "h" },
    } as const;
    const { host, port = String(PORTS.http), help } = parseArgs({ args, options, strict: true }).values;
    if (help) return "help";
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
      throw new StartError(`Expected a port from 0 to 65535 for --port but received ${JSON.stringify(port)}.`);
    }
    return { port: Number(port), ...(host === undefined ? {} : { host }) };
  } catch (error) {
    if (error instanceof StartError || !(error instanceof TypeError)) throw error;
    throw new StartError(`${error.message}\nRun with --help to see all options.`, { cause: error });
  }
}

async function listen(app: FastifyInstance, { host, port }: Options): Promise<void> {
  const code = (error: unknown) => (error instanceof Error && "code" in error ? error.code : undefined);
  try {
    await app.listen({ host: host ?? "::", port }).catch((error: unknown) => {
      // A machine without IPv6.
      if (host === undefined && code(error) === "EAFNOSUPPORT") return app.listen({ host: "0.0.0.0", port });
      throw error;
    });
  } catch (error) {
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: "something else listens there",
      EACCES: "this user may not listen there",
      EADDRNOTAVAIL: "this machine has no such address",
      ENOTFOUND: "there is no such address",
    };
    const reason = reasons[String(code(error))];
    if (reason === undefined) throw error;
    throw new StartError(`Expected to listen on ${host ?? "all addresses"}, port ${port}, but ${reason}.`, {
      cause: error,
    });
  }
}

/**
 * Ends the process as soon as none of its threads is in native code, or kills it: a thread that hangs there would keep it. A
 * container's first process cannot kill itself, and waits to be killed.
 */
async function endProcess(code: number, withinMs: number): Promise<never> {
  setTimeout(() => process.kill(process.pid, "SIGKILL"), withinMs);
  await endThreads();
  process.exit(code);
}

/** Drains on the first signal, and aborts what it returns; a second signal, or the limit, ends the process at once. */
function drainOnSignal(app: FastifyInstance, state: State, traffic: Traffic, requestTimeoutMs: number): AbortSignal {
  const stopping = new AbortController();
  const limitMs = drainLimitMs(requestTimeoutMs);
  const end = (code: number, withinMs: number) => {
    state.engine?.pool.close();
    return endProcess(code, withinMs);
  };
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) return end(1, FORCED_END_MS);
    stopping.abort();
    const begun = performance.now();
    app.log.info({ signal }, "draining");
    const limit = setTimeout(() => {
      app.log.fatal(`not drained within ${limitMs} ms; ending with requests unanswered`);
      void end(1, FORCED_END_MS);
    }, limitMs);
    // Before it is ready nobody is told to send requests.
    const unread = state.phase === "starting" ? 0 : await drain(app, state, traffic, requestTimeoutMs);
    clearTimeout(limit);
    if (unread > 0) app.log.warn({ unread }, "drained, but for answers that were not read in time");
    else app.log.info("drained");
    return end(0, Math.max(FORCED_END_MS, limitMs - (performance.now() - begun)));
  };
  const stopOrEnd = (signal: NodeJS.Signals) => {
    stop(signal).catch((error: unknown) => {
      app.log.fatal(error);
      return end(1, FORCED_END_MS);
    });
  };
  process.on("SIGTERM", stopOrEnd);
  process.on("SIGINT", stopOrEnd);
  return stopping.signal;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") {
    console.log(USAGE);
    return;
  }
  const config = readConfig(process.env);
  const state: State = { phase: "starting" };
  const { app, metrics, traffic } = await buildApp(config, state);
  const stopping = drainOnSignal(app, state, traffic, config.requestTimeoutMs);
  // Before the model is loaded, so that the startup and live probes are answered from the beginning.
  await listen(app, options);
  try {
    state.engine = await loadEngine(config, metrics, app.log, stopping);
  } catch (error) {
    // Because it was told to stop, which ends the process.
    if (stopping.aborted) return;
    throw error;
  }
  state.phase = "serving";
  const models = [...state.engine.models.values()].map(({ name, model }) => ({
    name,
    task: model.task,
    layout: model.layout,
  }));
  app.log.info({ models, workers: config.workers, threads: config.threads }, "ready");
}

try {
  await main();
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  await endProcess(1, FAILED_START_END_MS);
}

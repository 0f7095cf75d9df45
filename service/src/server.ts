import { parseArgs } from "node:util";
import type { FastifyInstance } from "fastify";
import { PORTS } from "../contract.ts";
import { buildApp, PROVIDER } from "./app.ts";
import { type Config, readConfig, settingsHelp } from "./config.ts";
import { drain, drainLimitMs } from "./drain.ts";
import { StartError } from "./errors.ts";
import { Pool } from "./inference/pool.ts";
import type { Metrics } from "./metrics.ts";
import { readModel, readModelFile } from "./model/model.ts";
import type { Detector, State } from "./state.ts";

const USAGE = `Usage: node server.ts [--host ADDRESS] [--port NUMBER]
Answers POST /predict with the objects that a YOLO model finds in an image.

  --host ADDRESS  address to listen on (default: all)
  --port NUMBER   port to listen on, 0 for any free one (default: ${PORTS.http})

${settingsHelp()}`;

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

async function loadDetector(config: Config, app: FastifyInstance, metrics: Metrics): Promise<Detector> {
  const model = readModel(await readModelFile(config.modelPath, config.modelSha256));
  const pool = await Pool.start({
    workers: config.workers,
    queueLimit: config.queueLimit,
    timeoutMs: config.requestTimeoutMs,
    worker: {
      modelPath: config.modelPath,
      modelSha256: config.modelSha256,
      threads: config.threadsPerWorker,
      pixelLimit: config.pixelLimit,
    },
    onWait: (seconds) => metrics.queueWait.observe(seconds),
    onRestart: (reason) => {
      metrics.workerRestarts.inc();
      app.log.error({ reason }, "an inference worker died and is being replaced");
    },
  });
  metrics.modelInfo.set(
    { model: config.modelName, sha256: config.modelSha256, layout: model.layout, provider: PROVIDER },
    1,
  );
  return { model, pool };
}

/** Drains on the first signal; a second one, or the limit, ends the process at once. */
function drainOnSignal(app: FastifyInstance, state: State, limitMs: number): void {
  const stop = async (signal: NodeJS.Signals) => {
    if (state.phase === "draining") process.exit(1);
    app.log.info({ signal }, "draining");
    setTimeout(() => {
      app.log.fatal(`not drained within ${limitMs} ms; ending with requests unanswered`);
      process.exit(1);
    }, limitMs).unref();
    // Nobody was told to send requests yet.
    if (state.phase === "starting") process.exit(0);
    await drain(app, state);
    state.detector?.pool.close();
    app.log.info("drained");
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") {
    console.log(USAGE);
    return;
  }
  const config = readConfig(process.env);
  const state: State = { phase: "starting" };
  const { app, metrics } = buildApp(config, state);
  drainOnSignal(app, state, drainLimitMs(config.requestTimeoutMs));
  // Before the model is loaded, so that the startup and live probes are answered from the beginning.
  await listen(app, options);
  state.detector = await loadDetector(config, app, metrics);
  state.phase = "serving";
  app.log.info({ model: config.modelName, layout: state.detector.model.layout, workers: config.workers }, "ready");
}

try {
  await main();
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
}

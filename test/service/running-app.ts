import { buildApp } from "../../service/src/app.ts";
import { readConfig } from "../../service/src/config.ts";
import { Pool } from "../../service/src/inference/pool.ts";
import { readModel, readModelFile } from "../../service/src/model/model.ts";
import type { State } from "../../service/src/state.ts";
import { environment, type FixtureLayout } from "./support.ts";

/** An app with its state, and how to end it. */
export type RunningApp = Awaited<ReturnType<typeof startApp>>;

/** Starts the app on real workers, without a listener. */
export async function startApp(layout: FixtureLayout, more: Record<string, string> = {}) {
  const config = readConfig(environment(layout, more));
  const model = readModel(await readModelFile(config.modelPath, config.modelSha256));
  const {
    modelPath,
    modelSha256,
    threadsPerWorker: threads,
    pixelLimit,
    workers,
    queueLimit,
    requestTimeoutMs,
  } = config;
  const worker = { modelPath, modelSha256, threads, pixelLimit };
  const pool = await Pool.start({ workers, queueLimit, timeoutMs: requestTimeoutMs, worker });
  const state: State = { phase: "serving", detector: { model, pool } };
  const { app } = buildApp(config, state);
  const close = async () => {
    await app.close();
    pool.close();
  };
  return { app, state, close };
}

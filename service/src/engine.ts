import type { FastifyBaseLogger } from "fastify";
import type { Config } from "./config.ts";
import { StartError } from "./errors.ts";
import { Pool } from "./inference/pool.ts";
import { loadModel } from "./model/model.ts";
import { placeOf } from "./model/reference.ts";
import type { Progress } from "./model/source/download.ts";
import { fetchModel } from "./model/source.ts";
import type { Engine } from "./state.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { recordRun } from "./telemetry/records.ts";

/**
 * Fetches and verifies every model, and starts the workers that run them.
 * @throws StartError when a model, the execution provider or a worker is not as expected
 */
export async function loadEngine(
  config: Config,
  metrics: Metrics,
  log: FastifyBaseLogger,
  signal: AbortSignal,
): Promise<Engine> {
  const { executionProvider: provider, modelCacheDir: cacheDir, threads, workers, pixelLimit } = config;
  const files = await Promise.all(
    config.models.map((reference) => {
      const onProgress = ({ problem, ...progress }: Progress) => {
        const details = { model: reference.name, place: placeOf(reference.uri), ...progress };
        if (problem === undefined) log.info(details, "downloading");
        else log.warn({ ...details, problem }, "downloading");
      };
      return fetchModel(reference, { cacheDir, signal, onProgress });
    }),
  );
  const models = await Promise.all(files.map(loadModel));
  const [defaultModel] = models;
  if (defaultModel === undefined) throw new StartError("Expected at least one model in MODELS.");
  const pool = await Pool.start(
    {
      workers,
      threads,
      queueLimit: config.queueLimit,
      timeoutMs: config.requestTimeoutMs,
      maxBatch: config.maxBatch,
      maxBatchDelayMs: config.maxBatchDelayMs,
      worker: { models: files, provider, pixelLimit },
      onRun: recordRun,
      onWait: (seconds) => metrics.queueWait.observe(seconds),
      onBatch: (model, images) => metrics.batchSize.observe({ model }, images),
      onInferred: (model, seconds) => metrics.stageDuration.observe({ model, stage: "inference" }, seconds),
      onRestart: (reason) => {
        metrics.workerRestarts.inc();
        log.error({ reason }, "an inference worker died and is being replaced");
      },
    },
    signal,
  );
  for (const { name, sha256, model } of models) {
    metrics.modelInfo.set({ model: name, sha256, task: model.task, layout: model.layout, provider }, 1);
  }
  return { models: new Map(models.map((model) => [model.name, model])), defaultModel, pool, provider };
}

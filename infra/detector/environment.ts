import { CONTAINER, type Environment, SECRETS } from "../../service/contract.ts";
import { MEBIBYTE } from "../quantity.ts";
import type { Model, Serving } from "./args.ts";

/** Path in the container of the file that holds the API keys. */
const API_KEYS_PATH = `${CONTAINER.secretDir}/${SECRETS.apiKeys}`;

/** Inference worker threads: what is set, or what the service would choose by itself. */
export function workerCount({ workers, threads, executionProvider }: Serving): number {
  return workers ?? (executionProvider === "cpu" ? threads : 2);
}

/** Whether pods put the model on its volume themselves. */
export function downloadsModel(model: Model): boolean {
  return model.uri !== undefined;
}

/**
 * The environment of the service, complete by type: a key of the contract that is missing here does not compile. An empty
 * value stands for what is off.
 */
export function serviceEnvironment(serving: Serving, model: Model, asksForKeys: boolean): Environment<string> {
  // The cache names files as the volume does, so that a file that lies there already is not downloaded.
  const uri = model.uri ?? `file://${CONTAINER.modelDir}/${model.sha256}.onnx`;
  return {
    MODELS: `${model.name}=${uri}@sha256:${model.sha256}`,
    MODEL_CACHE_DIR: CONTAINER.modelDir,
    EXECUTION_PROVIDER: serving.executionProvider,
    THREADS: String(serving.threads),
    WORKERS: String(workerCount(serving)),
    MAX_BATCH: String(serving.maxBatch),
    MAX_BATCH_DELAY_MS: String(serving.maxBatchDelayMs),
    QUEUE_LIMIT: String(serving.queueLimit),
    REQUEST_TIMEOUT_MS: String(serving.requestTimeoutMs),
    BODY_LIMIT_BYTES: String(serving.bodyLimitMib * MEBIBYTE),
    PIXEL_LIMIT: String(Math.round(serving.pixelLimitMega * 1_000_000)),
    RESIZE: serving.resize,
    FETCH_HOSTS: serving.fetchHosts.join(","),
    CORS_ORIGINS: serving.corsOrigins.join(","),
    API_KEYS_FILE: asksForKeys ? API_KEYS_PATH : "",
    RATE_LIMIT_PER_MINUTE: String(serving.rateLimitPerMinute),
    OTEL_EXPORTER_OTLP_ENDPOINT: serving.otlpEndpoint ?? "",
    PAGE: serving.page ? "on" : "off",
    LOG_LEVEL: serving.logLevel,
  };
}

import { CONTAINER, type Environment } from "../service/contract.ts";
import type { Model, Serving } from "./detector-args.ts";
import { MEBIBYTE } from "./quantity.ts";

/** Path in the container of a model file on the mounted volume. */
export function modelPath(model: Model): string {
  return `${CONTAINER.modelDir}/${model.sha256}.onnx`;
}

/** The environment of the service, complete by type: a key of the contract that is missing here does not compile. */
export function serviceEnvironment(serving: Serving, model: Model): Environment<string> {
  return {
    MODEL_PATH: modelPath(model),
    MODEL_SHA256: model.sha256,
    MODEL_NAME: model.name,
    WORKERS: String(serving.workers),
    THREADS_PER_WORKER: String(serving.threadsPerWorker),
    QUEUE_LIMIT: String(serving.queueLimit),
    REQUEST_TIMEOUT_MS: String(serving.requestTimeoutMs),
    BODY_LIMIT_BYTES: String(serving.bodyLimitMib * MEBIBYTE),
    PIXEL_LIMIT: String(Math.round(serving.pixelLimitMega * 1_000_000)),
    LOG_LEVEL: serving.logLevel,
  };
}

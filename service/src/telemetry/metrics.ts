import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type Detection, METRICS, type Speed } from "../../contract.ts";
import type { Engine } from "../state.ts";

/** Upper bounds in seconds: from a small model's stage on a good machine to the usual request timeout. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The metrics of one service, in a registry of their own. */
export type Metrics = ReturnType<typeof createMetrics>;

/** Observes what a model found in one image, and the milliseconds of its stages. */
export function observeImage(
  { stageDuration, detections }: Metrics,
  model: string,
  speed: Speed,
  results: readonly Detection[],
): void {
  for (const [stage, milliseconds] of Object.entries(speed)) {
    stageDuration.observe({ model, stage }, milliseconds / 1000);
  }
  for (const [name, objects] of Map.groupBy(results, ({ name }) => name)) {
    detections.inc({ model, class: name }, objects.length);
  }
}

/**
 * Makes the metrics that the contract names, and those of the process and of Node, event loop included, under their usual
 * names. Labels take few values, whatever callers send: routes as they are declared, status codes, and what models name.
 */
export function createMetrics(engine: () => Engine | undefined) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: METRICS.queueDepth,
    help: "Requests waiting for a worker",
    registers,
    collect() {
      this.set(engine()?.pool.queueDepth ?? 0);
    },
  });
  return {
    registry,
    requests: new Counter({
      name: METRICS.requests,
      help: "Requests answered",
      labelNames: ["route", "code"] as const,
      registers,
    }),
    requestDuration: new Histogram({
      name: METRICS.requestDuration,
      help: "Seconds from a request's arrival to its answer",
      labelNames: ["route"] as const,
      buckets: BUCKETS,
      registers,
    }),
    inFlight: new Gauge({ name: METRICS.inFlight, help: "Requests being worked on", registers }),
    streams: new Gauge({ name: METRICS.streams, help: "Open streams", registers }),
    queueWait: new Histogram({
      name: METRICS.queueWait,
      help: "Seconds that a request waited for a worker",
      buckets: BUCKETS,
      registers,
    }),
    batchSize: new Histogram({
      name: METRICS.batchSize,
      help: "Images that shared a run of the model",
      labelNames: ["model"] as const,
      buckets: [1, 2, 4, 8, 16, 32, 64, 128],
      registers,
    }),
    stageDuration: new Histogram({
      name: METRICS.stageDuration,
      help: "Seconds per stage of a request",
      labelNames: ["stage", "model"] as const,
      buckets: BUCKETS,
      registers,
    }),
    detections: new Counter({
      name: METRICS.detections,
      help: "Objects detected",
      labelNames: ["model", "class"] as const,
      registers,
    }),
    modelInfo: new Gauge({
      name: METRICS.modelInfo,
      help: "A loaded model, always 1",
      labelNames: ["model", "sha256", "task", "layout", "provider"] as const,
      registers,
    }),
    workerRestarts: new Counter({
      name: METRICS.workerRestarts,
      help: "Inference workers replaced after they died",
      registers,
    }),
  };
}

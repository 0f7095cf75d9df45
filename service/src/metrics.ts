import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { METRICS } from "../contract.ts";
import type { Detector } from "./state.ts";

/** Upper bounds in seconds: from a small model's stage on a good machine to the usual request timeout. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The metrics of one service, in a registry of their own. */
export type Metrics = ReturnType<typeof createMetrics>;

/** Makes the metrics that the contract names, and those of the process and of Node under their usual names. */
export function createMetrics(detector: () => Detector | undefined) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: METRICS.queueDepth,
    help: "Requests waiting for a worker",
    registers,
    collect() {
      this.set(detector()?.pool.queueDepth ?? 0);
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
    inFlight: new Gauge({ name: METRICS.inFlight, help: "Requests being worked on", registers }),
    queueWait: new Histogram({
      name: METRICS.queueWait,
      help: "Seconds that a request waited for a worker",
      buckets: BUCKETS,
      registers,
    }),
    stageDuration: new Histogram({
      name: METRICS.stageDuration,
      help: "Seconds per stage of a request",
      labelNames: ["stage"] as const,
      buckets: BUCKETS,
      registers,
    }),
    detections: new Counter({
      name: METRICS.detections,
      help: "Objects detected",
      labelNames: ["class"] as const,
      registers,
    }),
    modelInfo: new Gauge({
      name: METRICS.modelInfo,
      help: "The loaded model, always 1",
      labelNames: ["model", "sha256", "layout", "provider"] as const,
      registers,
    }),
    workerRestarts: new Counter({
      name: METRICS.workerRestarts,
      help: "Inference workers replaced after they died",
      registers,
    }),
  };
}

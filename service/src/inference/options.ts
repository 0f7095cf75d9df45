import type { ProviderName, WorkerOptions } from "./messages.ts";
import type { Run, RunEnd } from "./observe.ts";

/** How a pool is sized, and whom it tells what happens in it. */
export interface PoolOptions {
  workers: number;
  /** Processors that inference may use. */
  threads: number;
  /** Requests that may wait for a worker. */
  queueLimit: number;
  /** Milliseconds until a job that waits or runs is given up. */
  timeoutMs: number;
  /** Most images that one run takes together, and milliseconds that one waits for others. */
  maxBatch: number;
  maxBatchDelayMs: number;
  worker: Omit<WorkerOptions, "threads" | "wideThreads">;
  /** A job begins, still in the caller's context; what is returned is called when it ends. */
  onRun?: (run: Run) => RunEnd | undefined;
  /** A job got a worker after so many seconds. */
  onWait?: (seconds: number) => void;
  /** So many images share a run of a model. */
  onBatch?: (model: string, images: number) => void;
  /** A model ran on tensors for so many seconds, their way to the worker and back included. */
  onInferred?: (model: string, seconds: number) => void;
  /** A worker died and is being replaced. */
  onRestart?: (reason: string) => void;
}

/**
 * Threads of each worker. Beside each other workers share the processors evenly; one alone of them can use all. A GPU needs
 * threads for nothing but what the provider leaves to the processor.
 */
export function sizes(
  workers: number,
  threads: number,
  provider: ProviderName,
): Pick<WorkerOptions, "threads" | "wideThreads">[] {
  const own = provider === "cpu" ? Math.max(1, Math.floor(threads / workers)) : 1;
  const wide = provider === "cpu" && threads > own ? { wideThreads: threads } : {};
  return Array.from({ length: workers }, (_, index) => ({ threads: own, ...(index === 0 ? wide : {}) }));
}

import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import { RequestError } from "../../service/src/errors.ts";
import type { Task } from "../../service/src/inference/messages.ts";
import type { PoolOptions } from "../../service/src/inference/options.ts";
import type { Pool } from "../../service/src/inference/pool.ts";
import { modelPath, sha256 } from "./support.ts";

/** How the tests of the pool look at images. */
export const OPTIONS = { conf: 0.25, iou: 0.7, maxDet: 300, resize: "exact" } as const;

/** The only model of the tests of the pool. */
export const MODEL = "colours";

/** A caller who waits as long as it takes. */
export const FOREVER = {};

/** A small pool; `more` overrides. */
export function options(more: Partial<PoolOptions> = {}): PoolOptions {
  const path = modelPath("raw");
  const models = [{ name: MODEL, path, sha256: sha256(readFileSync(path)) }];
  const worker = { models, provider: "cpu", pixelLimit: 50_000_000 } as const;
  const limits = { queueLimit: 8, timeoutMs: 30_000, maxBatch: 1, maxBatchDelayMs: 0 };
  return { workers: 1, threads: 1, ...limits, worker, ...more };
}

/** Whether an error is the service's with a code. */
export function codeOf(code: string) {
  return (error: unknown) => error instanceof RequestError && error.code === code;
}

/** Every task that is handed to the workers from now on. */
export function watch(workers: readonly Worker[]): Task[] {
  const tasks: Task[] = [];
  for (const worker of workers) {
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (task: Task) => {
      tasks.push(task);
      post(task);
    };
  }
  return tasks;
}

/**
 * Keeps the worker threads that the tests of a suite start, and ends its pool after each. Node tells of every thread that is
 * created: a way to the real workers without a door in the pool.
 */
export function watchWorkers(): { workers: Worker[]; use(pool: Pool): Pool } {
  const workers: Worker[] = [];
  const remember = (worker: Worker) => workers.push(worker);
  let current: Pool | undefined;
  before(() => process.on("worker", remember));
  after(() => process.off("worker", remember));
  beforeEach(() => workers.splice(0));
  afterEach(async () => {
    current?.close();
    await Promise.all(workers.filter(({ threadId }) => threadId >= 0).map((worker) => once(worker, "exit")));
  });
  return {
    workers,
    use: (pool) => {
      current = pool;
      return pool;
    },
  };
}

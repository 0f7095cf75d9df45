import { availableParallelism } from "node:os";
import { DECODING, ENVIRONMENT } from "../contract.ts";

/** Threads beside those that decode: for files, names of hosts, compression and drawing. */
const OTHERS = 4;

/** libuv starts no more (https://docs.libuv.org/en/v1.x/threadpool.html). */
const MOST_THREADS = 1024;

/**
 * Threads that libuv's pool needs for every worker to decode its images at once. Settings that are wrong, which config.ts
 * refuses later, count as missing.
 */
export function poolThreads(environment: Readonly<Record<string, string | undefined>>): number {
  const number = (key: string) => Number(/^\s*(\d+)\s*$/.exec(environment[key] ?? "")?.[1] ?? 0);
  const workers = number(ENVIRONMENT.workers) || number(ENVIRONMENT.threads) || availableParallelism();
  const images = Math.min(DECODING.imagesAtOnce, number(ENVIRONMENT.maxBatch) || 1);
  return Math.min(MOST_THREADS, workers * images + OTHERS);
}

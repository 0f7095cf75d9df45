import type { ProviderName, WorkerOptions } from "./messages.ts";

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

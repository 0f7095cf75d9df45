/** What came of a load: how many answers of each status, and the failures that were no answer at all. */
export interface LoadResult {
  statuses: Record<number, number>;
  failures: string[];
}

/**
 * Sends the same POST over and over from a number of clients, each waiting for its answer before the next, until
 * stopped. Connections are kept alive, as a real client's are. Bounded: at most `limit` requests in all, and about 20 failures.
 */
export function startLoad(
  url: string,
  body: Uint8Array<ArrayBuffer>,
  clients: number,
  limit = 20_000,
): () => Promise<LoadResult> {
  const result: LoadResult = { statuses: {}, failures: [] };
  let left = limit;
  let stopped = false;
  const client = async () => {
    while (!stopped && left-- > 0 && result.failures.length < 20) {
      try {
        const answer = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/octet-stream" },
          body,
          signal: AbortSignal.timeout(30_000),
        });
        await answer.arrayBuffer();
        result.statuses[answer.status] = (result.statuses[answer.status] ?? 0) + 1;
      } catch (error) {
        const { message, cause } = error as Error;
        result.failures.push(cause instanceof Error ? `${message}: ${cause.message}` : message);
      }
    }
  };
  const running = Promise.all(Array.from({ length: clients }, client));
  return async () => {
    stopped = true;
    await running;
    return result;
  };
}

import { setTimeout as sleep } from "node:timers/promises";
import { HEADERS, PATHS, type PredictResponse } from "../service/contract.ts";
import { UserError } from "./errors.ts";

/** How long a service that the cluster calls ready may still take to answer on its address, in milliseconds. */
const ROUTE_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * Sends an image to a running service. Retries refused connections for a moment, because routes follow readiness.
 * Throws a UserError when the service refuses the image or cannot be reached.
 */
export async function detect(
  url: string,
  image: Buffer,
  signal: AbortSignal,
): Promise<{ response: PredictResponse; milliseconds: number }> {
  const deadline = Date.now() + ROUTE_TIMEOUT_MS;
  for (;;) {
    const started = performance.now();
    const answer = await fetch(url + PATHS.predict, {
      method: "POST",
      headers: { "content-type": "application/octet-stream", [HEADERS.requestId]: "npm-start" },
      body: new Uint8Array(image),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    }).catch((error: Error) => error);
    signal.throwIfAborted();
    if (answer instanceof Response) {
      const text = await answer.text();
      if (!answer.ok) throw new UserError(`The service refused the image (HTTP ${answer.status}): ${text}`);
      return { response: JSON.parse(text) as PredictResponse, milliseconds: performance.now() - started };
    }
    if (Date.now() > deadline) {
      const cause = answer.cause instanceof Error ? answer.cause.message : answer.message;
      throw new UserError(`Expected an answer from ${url}, but: ${cause}. See what runs there: npm run status`);
    }
    await sleep(200, undefined, { signal });
  }
}

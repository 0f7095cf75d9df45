import type { FastifyReply, FastifyRequest } from "fastify";
import { HEADERS } from "../../contract.ts";
import { RequestError } from "../errors.ts";

/** Longest time that a caller may say it waits, in milliseconds. */
export const LONGEST_WAIT_MS = 600_000;

/** Aborts when the caller closes the connection before it has the answer. */
export function departure(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => controller.abort());
  return controller.signal;
}

/**
 * When a request is to be given up: at the service's own limit, or earlier where the caller's header says so. A caller's
 * time runs from the arrival of its headers, so that a slow upload counts.
 * @returns a function that tells how many milliseconds are left
 * @throws RequestError YOLO_PARAMETER_INVALID for a malformed header; the function throws YOLO_REQUEST_TIMEOUT when none are
 */
export function deadline(request: FastifyRequest, reply: FastifyReply, limitMs: number): () => number {
  const given = request.headers[HEADERS.timeout];
  let untilMs = reply.elapsedTime + limitMs;
  if (given !== undefined) {
    const wait = /^\d{1,6}$/.test(String(given)) ? Number(given) : 0;
    if (wait < 1 || wait > LONGEST_WAIT_MS) {
      const message = `Expected a whole number from 1 to ${LONGEST_WAIT_MS} for ${HEADERS.timeout} but received ${JSON.stringify(given)}.`;
      throw new RequestError("YOLO_PARAMETER_INVALID", message);
    }
    untilMs = Math.min(untilMs, wait);
  }
  return () => {
    const left = untilMs - reply.elapsedTime;
    if (left <= 0) throw new RequestError("YOLO_REQUEST_TIMEOUT");
    return left;
  };
}

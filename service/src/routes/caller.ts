import type { FastifyReply, FastifyRequest } from "fastify";
import { HEADERS, LONGEST_WAIT_MS } from "../../contract.ts";
import { RequestError } from "../errors.ts";

/** Aborts when the caller closes the connection before it has the answer. */
export function departure(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => controller.abort());
  return controller.signal;
}

/**
 * Milliseconds that a caller says it waits; undefined where it says nothing.
 * @throws RequestError YOLO_PARAMETER_INVALID for a malformed header
 */
export function waitOf({ headers }: FastifyRequest): number | undefined {
  const given = headers[HEADERS.timeout];
  if (given === undefined) return undefined;
  const wait = /^\d{1,6}$/.test(String(given)) ? Number(given) : 0;
  if (wait >= 1 && wait <= LONGEST_WAIT_MS) return wait;
  const message = `Expected a whole number from 1 to ${LONGEST_WAIT_MS} for ${HEADERS.timeout} but received ${JSON.stringify(given)}.`;
  throw new RequestError("YOLO_PARAMETER_INVALID", message);
}

/**
 * When a request is to be given up: at the service's own limit, or earlier where the caller's header says so. A caller's
 * time runs from the arrival of its headers, so that a slow upload counts.
 * @returns a function that tells how many milliseconds are left
 * @throws RequestError YOLO_PARAMETER_INVALID for a malformed header; the function throws YOLO_REQUEST_TIMEOUT when none are
 */
export function deadline(request: FastifyRequest, reply: FastifyReply, limitMs: number): () => number {
  const untilMs = Math.min(reply.elapsedTime + limitMs, waitOf(request) ?? Number.POSITIVE_INFINITY);
  return () => {
    const left = untilMs - reply.elapsedTime;
    if (left <= 0) throw new RequestError("YOLO_REQUEST_TIMEOUT");
    return left;
  };
}

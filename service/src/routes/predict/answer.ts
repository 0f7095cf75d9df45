import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import type { PredictResponse } from "../../../contract.ts";

/** Bytes of the longest answer that is sent as one: copying it takes less than a millisecond. */
const MOST_AT_ONCE = 1_048_576;

/**
 * Answers with what was found, in parts where it is long, so that the thread is never busy with all of it.
 * @param images the result of each image as JSON
 */
export function sendJson(
  reply: FastifyReply,
  images: readonly Buffer[],
  metadata: PredictResponse["metadata"],
): FastifyReply {
  const pieces = [
    ...images.flatMap((image, index) => [Buffer.from(index === 0 ? '{"images":[' : ","), image]),
    Buffer.from(`],"metadata":${JSON.stringify(metadata)}}`),
  ];
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  reply.type("application/json; charset=utf-8");
  if (bytes <= MOST_AT_ONCE) return reply.send(Buffer.concat(pieces, bytes));
  return reply.header("content-length", bytes).send(Readable.from(pieces));
}

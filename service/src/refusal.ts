import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import { type ErrorResponse, HEADERS } from "../contract.ts";
import { ERRORS, type ErrorCode } from "./errors.ts";

/** Milliseconds that a caller has to take the answer and to close its side. */
const LINGER_MS = 1_000;

/**
 * Answers by hand what never becomes a request of fastify, and ends the connection; also where the caller keeps its side
 * open and sends nothing.
 */
export function refuseConnection(socket: Duplex, code: ErrorCode, message: string = ERRORS[code].message): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const requestId = randomUUID();
  const body = JSON.stringify({ error: { code, message, requestId } } satisfies ErrorResponse);
  const head = [
    `HTTP/1.1 ${ERRORS[code].status} Error`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    `${HEADERS.requestId}: ${requestId}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

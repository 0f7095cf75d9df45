import cors from "@fastify/cors";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HEADERS } from "../../contract.ts";
import { RequestError } from "../errors.ts";
import { HEAD_LENGTH_HEADER } from "../routes/inference-protocol/response.ts";

/** Headers of answers that a page of another origin may read. */
const EXPOSED = [
  HEADERS.requestId,
  HEAD_LENGTH_HEADER,
  "retry-after",
  "ratelimit-limit",
  "ratelimit-remaining",
  "ratelimit-reset",
];

/** Seconds that a browser may remember what it was allowed. */
const REMEMBER_SECONDS = 600;

/**
 * Lets pages of the given origins call the service: `*` is every origin, and an empty list only the service's own pages.
 * A browser guards no WebSocket by this, so a page of another origin is refused one here.
 */
export async function addCors(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length > 0) {
    await app.register(cors, {
      origin: origins.includes("*") ? "*" : [...origins],
      methods: ["GET", "POST"],
      exposedHeaders: EXPOSED,
      maxAge: REMEMBER_SECONDS,
      strictPreflight: false,
    });
  }
  app.addHook("onRequest", async (request, reply) => {
    if (request.headers.upgrade === undefined) return;
    endWhenRefused(request, reply);
    if (!mayUpgrade(request, origins)) throw new RequestError("YOLO_ORIGIN_REFUSED");
  });
}

/** Nobody reads from a connection that was to be a WebSocket once it got another answer: left open, it would stay forever. */
function endWhenRefused({ raw: { socket } }: FastifyRequest, reply: FastifyReply): void {
  reply.header("connection", "close");
  reply.raw.once("finish", () => socket.destroySoon());
}

/** Whether a WebSocket is opened by a program, which names no origin, by the service's own page or by an allowed one. */
function mayUpgrade({ headers }: FastifyRequest, origins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes("*") || origins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

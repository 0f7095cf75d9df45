import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Config } from "./config.ts";
import { RequestError } from "./errors.ts";

/** Answers of at most so many bytes are not counted: their number is that of connections. */
const SMALL_BYTES = 65_536;

/** Answers have so many bytes of room where bodies are too small to give them any. */
const ANSWER_BYTES = 67_108_864;

/** Milliseconds that a caller has to take an answer that is counted: as long as it has to send a body. */
const TAKE_MS = 60_000;

/** Bytes that may be held at once. */
export class Budget {
  readonly most: number;
  #held = 0;

  constructor(most: number) {
    this.most = most;
  }

  /** Bytes that are held. */
  get held(): number {
    return this.#held;
  }

  /** Holds bytes, if there is room for them below `most`. */
  take(bytes: number, most: number = this.most): boolean {
    if (this.#held + bytes > most) return false;
    this.#held += bytes;
    return true;
  }

  /** Holds bytes no longer. */
  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/** Bytes of bodies and answers that the service holds at most: as many as bodies may wait and be worked on, of the largest size. */
export function mostHeldBytes(config: Pick<Config, "queueLimit" | "workers" | "maxBatch" | "bodyLimitBytes">): number {
  return (config.queueLimit + config.workers * config.maxBatch) * config.bodyLimitBytes;
}

/**
 * Bounds what requests hold together: their bodies, from the first byte on, and then their answers, until they are sent. A body
 * counts by its length, one of unknown length (in chunks, or compressed) as the largest one. What there is no room for is
 * refused before it is read.
 */
export function addHeldBytes(app: FastifyInstance, config: Config): Budget {
  const budget = new Budget(mostHeldBytes(config));
  const held = new WeakMap<ServerResponse, number>();
  const release = (response: ServerResponse) => {
    budget.give(held.get(response) ?? 0);
    held.delete(response);
  };
  const hold = (response: ServerResponse, bytes: number, most?: number): boolean => {
    if (!budget.take(bytes, most)) return false;
    held.set(response, bytes);
    response.once("close", () => release(response));
    return true;
  };
  const full = () => {
    const message = `Expected at most ${budget.most} bytes of bodies and answers at once; try again later.`;
    return new RequestError("YOLO_QUEUE_FULL", message);
  };
  app.addHook("onRequest", async ({ method, headers }, reply) => {
    if (method !== "POST") return;
    const { "content-encoding": encoding = "identity", "content-length": length } = headers;
    const known = encoding === "identity" ? Number(length ?? Number.NaN) : Number.NaN;
    // A larger one is refused before it is read.
    const bytes = Math.min(Number.isNaN(known) ? config.bodyLimitBytes : known, config.bodyLimitBytes);
    const none = length === undefined && headers["transfer-encoding"] === undefined;
    if (!none && !hold(reply.raw, bytes)) throw full();
  });
  app.addHook("onSend", async (request, reply, payload) => {
    // Its room is the answer's now.
    request.body = undefined;
    release(reply.raw);
    const bytes =
      typeof payload === "string" || payload instanceof Uint8Array
        ? payload.length
        : Number(reply.getHeader("content-length") ?? 0);
    if (bytes <= SMALL_BYTES) return;
    if (!hold(reply.raw, bytes, Math.max(budget.most, ANSWER_BYTES))) {
      reply.removeHeader("content-length").removeHeader("content-type");
      throw full();
    }
    const timer = setTimeout(() => reply.raw.destroy(), TAKE_MS).unref();
    reply.raw.once("close", () => clearTimeout(timer));
  });
  return budget;
}

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as TcpServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { RequestError } from "./errors.ts";
import type { State } from "./state.ts";

/** Milliseconds without a request after which nobody is expected to send another. */
const QUIET_MS = 2_000;

/** Milliseconds after which new requests, and bodies that are still on their way, are no longer waited for. */
const PATIENCE_MS = 3_000;

/** Milliseconds for closing down beyond waiting and the longest request. */
const CLOSE_MS = 1_500;

const STEP_MS = 50;

/**
 * Milliseconds after which a drain has failed: what arrives last may take the whole request timeout.
 * Kubernetes must grant more than this after SIGTERM, and a second for what must then end at once.
 */
export function drainLimitMs(requestTimeoutMs: number): number {
  return PATIENCE_MS + requestTimeoutMs + CLOSE_MS;
}

/** Knows what a server is answering, from its start on; an answer counts until its last byte was handed to the system. */
export class Traffic {
  #open = new Map<ServerResponse, IncomingMessage>();
  #seenAt = performance.now();

  constructor(server: Server) {
    server.on("request", (request, response) => {
      this.#seenAt = performance.now();
      this.#open.set(response, request);
      response.once("close", () => this.#open.delete(response));
    });
  }

  /** When the last request came, on the clock of `performance`. */
  get seenAt(): number {
    return this.#seenAt;
  }

  /** Requests that are not answered to the last byte. */
  get open(): number {
    return this.#open.size;
  }

  /** Answers that are made and wait for their reader. */
  get unread(): number {
    return [...this.#open.keys()].filter(({ writableEnded }) => writableEnded).length;
  }

  /** Answers 503 to requests whose body is still on its way. */
  refuseUploads(): void {
    for (const [response, request] of this.#open) {
      if (request.complete || response.headersSent || request.listenerCount("error") === 0) continue;
      // To whoever reads the body, as if it had broken off; destroying the request would leave nothing to answer on.
      request.emit("error", new RequestError("YOLO_NOT_READY", "The service is stopping; send the request again."));
    }
  }
}

/**
 * Ends a service without losing a request. Traffic arrives for a moment after readiness is withdrawn, and on open
 * connections; it is served, each answer closing its connection, until there is quiet. Then the port is closed, bodies that
 * are still on their way are refused, and what runs is finished and sent to its last byte.
 * @returns the number of answers that their callers did not read in time, and so lost
 */
export async function drain(
  app: FastifyInstance,
  state: State,
  traffic: Traffic,
  requestTimeoutMs: number,
): Promise<number> {
  state.phase = "draining";
  const started = performance.now();
  const since = (time: number) => performance.now() - time;
  while (since(started) < PATIENCE_MS && (traffic.open > 0 || since(Math.max(started, traffic.seenAt)) < QUIET_MS)) {
    await sleep(STEP_MS);
  }
  // Not app.server.close(), which also ends connections whose answer is made but not sent yet.
  TcpServer.prototype.close.call(app.server);
  while (traffic.open > 0 && (traffic.open > traffic.unread || since(started) < PATIENCE_MS + requestTimeoutMs)) {
    traffic.refuseUploads();
    await sleep(STEP_MS);
  }
  const lost = traffic.open;
  // What is left sends no request: it is idle, or in the middle of its headers.
  app.server.closeAllConnections();
  await app.close();
  return lost;
}

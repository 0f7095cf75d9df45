import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { State } from "./state.ts";

/** Milliseconds without a request after which nobody is expected to send another. */
const QUIET_MS = 2_000;

/** Milliseconds after which new requests are no longer waited for, however many still come. */
const PATIENCE_MS = 3_000;

/** Milliseconds for closing down beyond waiting and the longest request. */
const CLOSE_MS = 1_500;

const STEP_MS = 50;

/**
 * Milliseconds after which a drain has failed: what arrives last may take the whole request timeout.
 * Kubernetes must grant more than this after SIGTERM.
 */
export function drainLimitMs(requestTimeoutMs: number): number {
  return PATIENCE_MS + requestTimeoutMs + CLOSE_MS;
}

/**
 * Ends a service without losing a request. Traffic arrives for a moment after readiness is withdrawn, and on open
 * connections; it is served, each answer closing its connection, until there is quiet. Then the listener closes and
 * what still runs is finished.
 */
export async function drain(app: FastifyInstance, state: State): Promise<void> {
  state.phase = "draining";
  const started = performance.now();
  let lastSeen = started;
  let running = 0;
  app.server.on("request", (_request, response) => {
    running++;
    lastSeen = performance.now();
    response.once("close", () => running--);
  });
  while (performance.now() - started < PATIENCE_MS && (running > 0 || performance.now() - lastSeen < QUIET_MS)) {
    await sleep(STEP_MS);
  }
  await app.close();
}

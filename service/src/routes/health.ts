import type { FastifyInstance } from "fastify";
import { PATHS } from "../../contract.ts";
import type { AppContext } from "../app.ts";
import { RequestError } from "../errors.ts";
import type { State } from "../state.ts";

/** Adds the three probes; each answers another question, as `contract.ts` says. */
export function addHealth(app: FastifyInstance, { state }: AppContext): void {
  const ok = { status: "ok" };
  app.get(PATHS.startup, async () => {
    if (state.engine === undefined) throw new RequestError("YOLO_NOT_READY", "The model is being loaded.");
    return ok;
  });
  app.get(PATHS.live, async () => {
    await checkLive(state);
    return ok;
  });
  app.get(PATHS.ready, async () => {
    checkReady(state);
    return ok;
  });
}

/**
 * Checks that inference works, or that the models are still being loaded.
 * @throws RequestError YOLO_NOT_READY when no worker answers
 */
export async function checkLive({ engine }: State): Promise<void> {
  // Before the models are loaded nothing can be stuck that the startup probe would not end.
  if (engine === undefined || (await engine.pool.answers())) return;
  throw new RequestError("YOLO_NOT_READY", "No inference worker answers.");
}

/**
 * Checks that new requests are welcome.
 * @throws RequestError YOLO_NOT_READY while starting, draining, or without a worker
 */
export function checkReady({ phase, engine }: State): void {
  if (phase !== "serving") throw new RequestError("YOLO_NOT_READY", `The service is ${phase}.`);
  if (!engine?.pool.available) throw new RequestError("YOLO_NOT_READY", "All inference workers are restarting.");
}

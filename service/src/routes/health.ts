import type { FastifyInstance } from "fastify";
import { PATHS } from "../../contract.ts";
import type { AppContext } from "../app.ts";
import { RequestError } from "../errors.ts";

/** Adds the three probes; each answers another question, as `contract.ts` says. */
export function addHealth(app: FastifyInstance, { state }: AppContext): void {
  const ok = { status: "ok" };
  app.get(PATHS.startup, async () => {
    if (state.detector === undefined) throw new RequestError("YOLO_NOT_READY", "The model is being loaded.");
    return ok;
  });
  app.get(PATHS.live, async () => {
    // Before the model is loaded nothing can be stuck that the startup probe would not end.
    if (state.detector !== undefined && !(await state.detector.pool.answers())) {
      throw new RequestError("YOLO_NOT_READY", "No inference worker answers.");
    }
    return ok;
  });
  app.get(PATHS.ready, async () => {
    if (state.phase !== "serving") throw new RequestError("YOLO_NOT_READY", `The service is ${state.phase}.`);
    if (!state.detector?.pool.available)
      throw new RequestError("YOLO_NOT_READY", "All inference workers are restarting.");
    return ok;
  });
}

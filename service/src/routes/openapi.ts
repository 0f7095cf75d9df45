import type { FastifyInstance } from "fastify";
import { PATHS } from "../../contract.ts";
import type { AppContext } from "../app.ts";
import { openapiDocument } from "../openapi/document.ts";
import type { Engine } from "../state.ts";

/** Adds `GET /openapi.json`: the description of every route, for the models that are loaded. */
export function addOpenapi(app: FastifyInstance, { config, state }: AppContext): void {
  // Made once for what is loaded: it takes milliseconds, and everybody may ask for it.
  let made: { engine: Engine | undefined; document: string } | undefined;
  app.get(PATHS.openapi, async (_request, reply) => {
    const { engine } = state;
    if (made === undefined || made.engine !== engine) {
      made = { engine, document: JSON.stringify(openapiDocument(config, engine)) };
    }
    return reply.type("application/json; charset=utf-8").send(made.document);
  });
}

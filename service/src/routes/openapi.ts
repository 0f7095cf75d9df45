import type { FastifyInstance } from "fastify";
import { PATHS } from "../../contract.ts";
import type { AppContext } from "../app.ts";
import { openapiDocument } from "../openapi/document.ts";

/** Adds `GET /openapi.json`: the description of every route, for the models that are loaded. */
export function addOpenapi(app: FastifyInstance, { config, state }: AppContext): void {
  app.get(PATHS.openapi, async () => openapiDocument(config, state.engine));
}

import type { FastifyInstance } from "fastify";
import { PATHS } from "../../contract.ts";
import type { AppContext } from "../app.ts";

/** Adds `GET /metrics` in Prometheus' text format. */
export function addMetrics(app: FastifyInstance, { metrics: { registry } }: AppContext): void {
  app.get(PATHS.metrics, async (_request, reply) => {
    reply.type(registry.contentType);
    return registry.metrics();
  });
}

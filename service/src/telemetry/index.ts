import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PATHS } from "../../contract.ts";
import type { Metrics } from "./metrics.ts";
import { type RequestRecord, withRecord } from "./records.ts";
import type { Tracing } from "./tracing.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What becomes known about the request while it is answered. */
    record: RequestRecord | null;
  }
}

/** Paths that are asked every few seconds, and are worth neither a log line nor a trace. */
const QUIET: ReadonlySet<string | undefined> = new Set([PATHS.startup, PATHS.live, PATHS.ready, PATHS.metrics]);

/** Counts, times, logs and traces each request. Call it before anything that may refuse one. */
export function addTelemetry(app: FastifyInstance, metrics: Metrics, tracing: Tracing | undefined): void {
  app.decorateRequest("record", null);
  app.addHook("onRequest", (request, reply, done) => {
    const record: RequestRecord = { models: new Set(), images: 0 };
    request.record = record;
    // A stream lasts for hours, and its frames are no requests.
    const upgrade = request.headers.upgrade !== undefined;
    if (tracing !== undefined && !upgrade && !QUIET.has(request.routeOptions.url)) {
      const trace = tracing.begin(request);
      record.trace = trace;
      // Unlike `onResponse`, also where the caller leaves before it has the answer.
      reply.raw.once("close", () => trace.end(request, reply));
    }
    done();
  });
  // Not earlier: reading a body loses the context.
  app.addHook("preHandler", (request, _reply, done) => {
    if (request.record === null) done();
    else withRecord(request.record, done);
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    metrics.requests.inc({ route, code: reply.statusCode });
    metrics.requestDuration.observe({ route }, reply.elapsedTime / 1000);
    if (!QUIET.has(route)) request.log.info(logFields(request, reply, route), "answered");
  });
}

/** What is logged of a request: never its body, its headers or its query, which may hold images, keys and addresses. */
function logFields(request: FastifyRequest, reply: FastifyReply, route: string): Record<string, unknown> {
  const { method, keyName, record } = request;
  return {
    method,
    route,
    status: reply.statusCode,
    milliseconds: Math.round(reply.elapsedTime * 10) / 10,
    ...(keyName !== null && { key: keyName }),
    ...(record !== null && record.images > 0 && { models: [...record.models], runs: record.images }),
    ...(record?.trace !== undefined && { traceId: record.trace.id }),
  };
}

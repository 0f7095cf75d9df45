import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PATHS } from "../../contract.ts";
import type { Config } from "../config.ts";
import { RequestError } from "../errors.ts";
import { addCors } from "./cors.ts";
import { KeyFile } from "./key-file.ts";
import { keyOf } from "./keys.ts";
import { callerOf, RateLimit } from "./rate-limit.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Name of the API key that the request carries; null where none is asked for. */
    keyName: string | null;
  }
  interface FastifyContextConfig {
    /** The route is for everybody, without a key and without a limit. */
    open?: boolean;
  }
}

/**
 * Routes for everybody: probes and metrics, which machines of the cluster ask for, and pages and documents, which a browser
 * opens before a person can give a key. A route may also say so itself, by `config: { open: true }`.
 */
const OPEN: ReadonlySet<string> = new Set([
  PATHS.startup,
  PATHS.live,
  PATHS.ready,
  PATHS.metrics,
  PATHS.page,
  PATHS.docs,
  PATHS.openapi,
  `${PATHS.inferenceProtocol}/health/live`,
  `${PATHS.inferenceProtocol}/health/ready`,
]);

/**
 * Adds what guards the routes: CORS, API keys and rate limits, in this order and before a body is read. Call it before
 * routes are added.
 * @throws StartError when the file of keys cannot be used
 */
export async function addAccess(app: FastifyInstance, config: Config): Promise<void> {
  app.decorateRequest("keyName", null);
  await addCors(app, config.corsOrigins);
  if (config.apiKeysFile !== "") await addKeys(app, config.apiKeysFile);
  if (config.rateLimitPerMinute > 0) addRateLimit(app, config.rateLimitPerMinute);
}

async function addKeys(app: FastifyInstance, path: string): Promise<void> {
  const file = await KeyFile.open(path, {
    reloaded: (count) => app.log.info({ count }, "API keys were read again"),
    failed: (message) => app.log.error({ reason: message }, "API keys changed and cannot be used; the old ones stay"),
  });
  app.addHook("onClose", async () => file.close());
  app.addHook("onRequest", async (request) => {
    if (isOpen(request)) return;
    const key = keyOf(request.headers);
    const name = key === undefined ? undefined : file.keys.find(key);
    if (name === undefined) throw new RequestError("YOLO_KEY_INVALID");
    request.keyName = name;
  });
}

function addRateLimit(app: FastifyInstance, perMinute: number): void {
  const limit = new RateLimit(perMinute);
  app.addHook("onRequest", async (request, reply) => {
    if (isOpen(request)) return;
    const caller = request.keyName === null ? `address ${callerOf(request.ip)}` : `key ${request.keyName}`;
    const { allowed, ...allowance } = limit.take(caller);
    setHeaders(reply, allowance);
    if (allowed) return;
    const { retryAfterSeconds } = allowance;
    const message = `Expected at most ${perMinute} requests in a minute; the next may be sent in ${retryAfterSeconds} s.`;
    throw new RequestError("YOLO_RATE_LIMITED", message, { retryAfterSeconds });
  });
}

/** The headers of draft-ietf-httpapi-ratelimit-headers-06 (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/06/). */
function setHeaders(reply: FastifyReply, { limit, remaining, resetSeconds }: Record<string, number>): void {
  reply.headers({ "ratelimit-limit": limit, "ratelimit-remaining": remaining, "ratelimit-reset": resetSeconds });
}

function isOpen(request: FastifyRequest): boolean {
  const { url, config } = request.routeOptions;
  return url === undefined || config.open === true || OPEN.has(url);
}

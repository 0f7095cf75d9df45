import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PATHS } from "../../contract.ts";
import type { Config } from "../config.ts";
import { RequestError } from "../errors.ts";
import { addCors } from "./cors.ts";
import { KeyFile } from "./key-file.ts";
import { keyOf } from "./keys.ts";
import { type Allowance, callerOf, RateLimit } from "./rate-limit.ts";

declare module "fastify" {
  interface FastifyInstance {
    /**
     * Lets what follows a request pass, such as a frame of its stream: its key must still be one, and it takes from the same
     * limit as a request.
     * @throws RequestError YOLO_KEY_INVALID, YOLO_RATE_LIMITED
     */
    admit(request: FastifyRequest): void;
  }
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
  const checks: Check[] = [];
  if (config.apiKeysFile !== "") checks.push(await addKeys(app, config.apiKeysFile));
  if (config.rateLimitPerMinute > 0) checks.push(addRateLimit(app, config.rateLimitPerMinute));
  app.decorate("admit", (request) => {
    for (const check of checks) check(request);
  });
}

/** Throws what a request, or what follows it, is refused for. */
type Check = (request: FastifyRequest) => void;

/** Who a request counts as: its key, or its address where no key is asked for. */
export function countedAs({ keyName, ip }: FastifyRequest): string {
  return keyName === null ? `address ${callerOf(ip)}` : `key ${keyName}`;
}

async function addKeys(app: FastifyInstance, path: string): Promise<Check> {
  const file = await KeyFile.open(path, {
    reloaded: (count) => app.log.info({ count }, "API keys were read again"),
    failed: (message) => app.log.error({ reason: message }, "API keys changed and cannot be used; the old ones stay"),
  });
  app.addHook("onClose", async () => file.close());
  const check: Check = (request) => {
    const key = keyOf(request.headers);
    const name = key === undefined ? undefined : file.keys.find(key);
    if (name === undefined) throw new RequestError("YOLO_KEY_INVALID");
    request.keyName = name;
  };
  app.addHook("onRequest", async (request) => {
    if (!isOpen(request)) check(request);
  });
  return check;
}

function addRateLimit(app: FastifyInstance, perMinute: number): Check {
  const limit = new RateLimit(perMinute);
  app.addHook("onRequest", async (request, reply) => {
    if (isOpen(request)) return;
    const allowance = limit.take(countedAs(request));
    setHeaders(reply, allowance);
    refuse(allowance);
  });
  return (request) => refuse(limit.take(countedAs(request)));
}

function refuse({ allowed, limit, retryAfterSeconds }: Allowance): void {
  if (allowed) return;
  const message = `Expected at most ${limit} requests in a minute; the next may be sent in ${retryAfterSeconds} s.`;
  throw new RequestError("YOLO_RATE_LIMITED", message, { retryAfterSeconds });
}

/** The headers of draft-ietf-httpapi-ratelimit-headers-06 (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/06/). */
function setHeaders(reply: FastifyReply, { limit, remaining, resetSeconds }: Allowance): void {
  reply.headers({ "ratelimit-limit": limit, "ratelimit-remaining": remaining, "ratelimit-reset": resetSeconds });
}

function isOpen(request: FastifyRequest): boolean {
  const { url, config } = request.routeOptions;
  return url === undefined || config.open === true || OPEN.has(url);
}

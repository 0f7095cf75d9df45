import type { FastifyInstance, FastifyReply } from "fastify";
import { RequestError } from "../errors.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** What is wrong with a request that has no route; sets the Allow header where its path has others. */
    routeError(request: FastifyRequest, reply: FastifyReply): RequestError;
  }
}

/** The methods of each path of an app, by the parts of the path. */
type Routes = Map<string, { parts: string[]; methods: Set<string> }>;

/**
 * Makes an app refuse requests that have no route, before their body is read, and tell a path that is not there from a
 * method that a path is not for. Call it before routes are added.
 */
export function addRouteErrors(app: FastifyInstance): void {
  const routes: Routes = new Map();
  app.addHook("onRoute", ({ url, method }) => {
    const known = routes.get(url) ?? { parts: url.split("/"), methods: new Set() };
    for (const name of [method].flat()) known.methods.add(name);
    routes.set(url, known);
  });
  app.addHook("onRequest", async (request, reply) => {
    if (request.is404) throw app.routeError(request, reply);
  });
  app.decorate("routeError", ({ method, url }, reply) => {
    const parts = url.split("?", 1)[0]?.split("/") ?? [];
    const fitting = [...routes.values()].filter((route) => fits(route.parts, parts));
    const allowed = [...new Set(fitting.flatMap(({ methods }) => [...methods]))].sort();
    if (allowed.length === 0) return new RequestError("YOLO_ROUTE_UNKNOWN");
    reply.header("allow", allowed.join(", "));
    const message = `Expected ${allowed.join(" or ")} at this path but received ${method}.`;
    return new RequestError("YOLO_METHOD_UNSUPPORTED", message);
  });
}

function fits(route: readonly string[], parts: readonly string[]): boolean {
  if (route.length !== parts.length) return false;
  return route.every((part, index) => (part.startsWith(":") ? parts[index] !== "" : part === parts[index]));
}

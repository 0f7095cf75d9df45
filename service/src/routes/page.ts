import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PATHS } from "../../contract.ts";
import type { AppContext } from "../app.ts";
import { RequestError } from "../errors.ts";
import { readWebFiles, type WebFile } from "../web-files.ts";

/** The pages may load from the service and talk to it, and do nothing else; nobody may put them into a frame. */
const SECURITY = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "permissions-policy": "camera=(self), clipboard-write=(self), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
} as const;

/** How long browsers keep a page without asking again, and a file whose address changes with its content. */
const CACHING = { page: "no-cache", asset: "public, max-age=31536000, immutable" } as const;

/** Adds the page at `/`, that of the API at `/docs`, and what they load, where the settings want them. */
export function addPage(app: FastifyInstance, { config }: AppContext): void {
  if (!config.page) return;
  const { assets, pages, files } = readWebFiles();
  for (const [path, name] of [
    [PATHS.page, "index.html"],
    [PATHS.docs, "docs.html"],
  ] as const) {
    app.get(path, { config: { open: true } }, async (request, reply) => {
      reply.headers(SECURITY);
      return send(request, reply, pages.get(name), CACHING.page);
    });
  }
  app.get<{ Params: { name: string } }>(`${assets}/:name`, { config: { open: true } }, async (request, reply) => {
    return send(request, reply, files.get(request.params.name), CACHING.asset);
  });
}

function send(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  file: WebFile | undefined,
  caching: string,
): Buffer | FastifyReply {
  if (file === undefined) throw new RequestError("YOLO_ROUTE_UNKNOWN");
  const { type, content, gzipped, etag } = file;
  reply.headers({ "cache-control": caching, etag, vary: "accept-encoding", "x-content-type-options": "nosniff" });
  const known = (headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known.includes(etag)) return reply.status(304).send();
  reply.type(type);
  if (gzipped === undefined || !/\bgzip\b/.test(headers["accept-encoding"] ?? "")) return content;
  reply.header("content-encoding", "gzip");
  return gzipped;
}

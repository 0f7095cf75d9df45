import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { ModelFile } from "../../service/src/model/model.ts";
import { parseModels } from "../../service/src/model/reference.ts";
import { LIMITS, type Limits } from "../../service/src/model/source/limits.ts";
import { type FetchOptions, fetchModel } from "../../service/src/model/source.ts";
import { selfSigned } from "../support/certificate.ts";

/** What a server does with a request. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse) => unknown;

/** 300 KB that are no model: what is fetched is not read here. */
export const CONTENT = randomBytes(300_000);
export const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
export const ETAG = '"version-1"';

/** Limits that make tests short; what they bound is counted, not timed. */
export const QUICK: Limits = { ...LIMITS, pauseMs: 10, longestPauseMs: 20, attempts: 4, progressBytes: 50_000 };

/** A real https server with a certificate of its own, which this process trusts, and a cache folder. */
export class ModelServer {
  readonly folder: string;
  readonly certificate: string;
  /** Headers of all requests so far. */
  readonly requests: IncomingHttpHeaders[] = [];
  /** What is done with the requests in turn; the last one stays. */
  behaviours: Behaviour[] = [];
  readonly problems: string[] = [];
  url = "";
  readonly #server: Server;
  readonly #trusted = getCACertificates("default");

  private constructor(folder: string, key: string, certificate: string) {
    this.folder = folder;
    this.certificate = certificate;
    this.#server = createServer({ key, cert: certificate }, (request, response) => {
      this.requests.push(request.headers);
      const behaviour = this.behaviours.length > 1 ? this.behaviours.shift() : this.behaviours[0];
      behaviour?.(request, response);
    });
  }

  static async start({ trusted }: { trusted: boolean } = { trusted: true }): Promise<ModelServer> {
    const { key, certificate } = await selfSigned("localhost");
    const server = new ModelServer(await mkdtemp(join(tmpdir(), "yolo-source-")), key, certificate);
    if (trusted) setDefaultCACertificates([...server.#trusted, certificate]);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    server.url = `https://localhost:${(server.#server.address() as AddressInfo).port}`;
    return server;
  }

  /** Fetches from this server. */
  fetch(options: Partial<FetchOptions> & { sha256?: string; path?: string } = {}): Promise<ModelFile> {
    const { sha256 = SHA256, path = "/street.onnx", ...rest } = options;
    const [reference] = parseModels(`street=${this.url}${path}@sha256:${sha256}`);
    if (reference === undefined) throw new Error("no reference");
    return fetchModel(reference, {
      cacheDir: this.folder,
      signal: AbortSignal.timeout(60_000),
      limits: QUICK,
      onProgress: ({ problem }) => problem !== undefined && this.problems.push(problem),
      ...rest,
    });
  }

  /** Names of the files in the cache folder. */
  async files(): Promise<string[]> {
    return (await readdir(this.folder)).sort();
  }

  /** Puts what an earlier process would have left into the cache. */
  async leave(content: Uint8Array, etag = ETAG, name = "0123456789ab"): Promise<string> {
    const path = join(this.folder, `${SHA256}.${Buffer.from(etag).toString("base64url")}.${name}.partial`);
    await writeFile(path, content);
    return path;
  }

  async reset(...behaviours: Behaviour[]): Promise<void> {
    this.behaviours = behaviours;
    this.requests.length = 0;
    this.problems.length = 0;
    for (const name of await readdir(this.folder)) await rm(join(this.folder, name), { recursive: true });
  }

  async stop(): Promise<void> {
    setDefaultCACertificates(this.#trusted);
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Serves the content as RFC 9110 has it: ranges, If-Range and entity tags. */
export function file(content: Uint8Array = CONTENT, etag: string | null = ETAG): Behaviour {
  return (request, response) => {
    const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
    const ranged = start !== undefined && (request.headers["if-range"] ?? etag) === etag;
    const from = ranged ? Number(start) : 0;
    if (etag !== null) response.setHeader("etag", etag);
    if (ranged && from >= content.length) {
      response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
      return;
    }
    if (ranged) response.setHeader("content-range", `bytes ${from}-${content.length - 1}/${content.length}`);
    response.writeHead(ranged ? 206 : 200, { "content-length": content.length - from }).end(content.subarray(from));
  };
}

/** Announces the whole rest, sends some bytes of it and cuts the connection. */
export function breakAfter(bytes: number, etag: string | null = ETAG): Behaviour {
  return (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (etag !== null) response.setHeader("etag", etag);
    if (start > 0) response.setHeader("content-range", `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}`);
    response.writeHead(start > 0 ? 206 : 200, { "content-length": CONTENT.length - start });
    // The client has read them when it asks again, or when its connection ends.
    response.write(CONTENT.subarray(start, start + bytes), () => setTimeout(() => response.destroy(), 50));
  };
}

/** Answers with a status and headers only. */
export function status(code: number, headers: Record<string, string> = {}): Behaviour {
  return (_request, response) => response.writeHead(code, headers).end("<secret>body</secret>");
}

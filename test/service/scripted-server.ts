import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What a scripted server does with one request. */
export type Act = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** A local HTTP server that misbehaves as told: one act for each request, the last one again and again. */
export class ScriptedServer {
  readonly url: string;
  readonly requests: { method: string; url: string; headers: IncomingMessage["headers"]; body: Buffer; at: number }[] =
    [];
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>, acts: Act[]) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", async (request: IncomingMessage, response: ServerResponse) => {
      const at = performance.now();
      const body = await buffer(request);
      const { method = "", url = "", headers } = request;
      this.requests.push({ method, url, headers, body, at });
      const act = acts[Math.min(this.requests.length, acts.length) - 1];
      act?.(request, response, body);
    });
  }

  static async start(...acts: Act[]): Promise<ScriptedServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new ScriptedServer(server, acts);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** Answers with JSON. */
export function answer(status: number, body: unknown, headers: Record<string, string> = {}): Act {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
    response.end(JSON.stringify(body));
  };
}

/** Answers as the service does when something is wrong. */
export function refuse(status: number, code: string, headers: Record<string, string> = {}): Act {
  return answer(status, { error: { code, message: `Because of ${code}.`, requestId: "id-1" } }, headers);
}

/** Breaks the connection instead of an answer. */
export const reset: Act = (request) => request.socket.resetAndDestroy();

/** What was found in one image: nothing. */
export const EMPTY_ANSWER = {
  images: [{ shape: [2, 3], results: [], speed: { preprocess: 1, inference: 2, postprocess: 3 } }],
  metadata: { model: "m", task: "detect", imageCount: 1, version: "1" },
};

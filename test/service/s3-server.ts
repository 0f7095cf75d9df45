import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Moto } from "../support/moto.ts";

/** Keys of a user, and a role with a session of it. */
interface Credentials {
  id: string;
  secret: string;
  role: string;
  session: Record<string, string>;
}

/** What stands in for the store's answer to one request. */
export type Instead = (response: ServerResponse) => unknown;

/**
 * moto's S3 server with access control, and a proxy before it that records what is asked for and can break connections.
 * It shows that the protocol is spoken and signed as moto checks it, not how Amazon's own servers answer.
 */
export class S3Server {
  readonly requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  /** What is done with the next requests, one each; then they go through. */
  instead: Instead[] = [];
  /** Bytes after which the next answers that go through are cut, one each. */
  cuts: number[] = [];
  /** Of a user who may read objects that begin with "street". */
  readonly credentials: Credentials;
  readonly #moto: Moto;
  readonly #proxy: Server;
  readonly #port: number;

  private constructor(moto: Moto<Credentials & { port: number }>) {
    this.#moto = moto;
    const { port, ...credentials } = moto.told;
    this.#port = port;
    this.credentials = credentials;
    this.#proxy = createServer((incoming, response) => {
      this.requests.push({ path: incoming.url ?? "", headers: incoming.headers });
      const instead = this.instead.shift();
      if (instead !== undefined) {
        instead(response);
        return;
      }
      // The header "host" stays as it is: it is signed.
      const { url: path, method, headers } = incoming;
      const forward = request({ host: "127.0.0.1", port: this.#port, path, method, headers }, async (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        const cut = (answer.statusCode ?? 0) < 300 ? this.cuts.shift() : undefined;
        if (cut === undefined) answer.pipe(response);
        else {
          const content = Buffer.concat(await answer.toArray());
          response.write(content.subarray(0, cut), () => setTimeout(() => response.destroy(), 50));
        }
      });
      forward.on("error", () => response.destroy());
      incoming.pipe(forward);
    });
  }

  /** Starts it with files in the bucket "models", of which its user may read those that begin with "street". */
  static async start(files: string[]): Promise<S3Server> {
    const server = new S3Server(await Moto.start("s3-server.py", files));
    server.#proxy.listen(0, "127.0.0.1");
    await once(server.#proxy, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#proxy.address() as AddressInfo).port}`;
  }

  /** Lets the next request through without a signature, as the service for tokens does, which moto does not know. */
  async letOneIn(): Promise<void> {
    const headers = { "content-type": "text/plain" };
    await fetch(`http://127.0.0.1:${this.#port}/moto-api/reset-auth`, { method: "POST", headers, body: "1" });
  }

  async stop(): Promise<void> {
    this.#proxy.closeAllConnections();
    this.#proxy.close();
    await this.#moto[Symbol.asyncDispose]();
  }
}

/** An error as S3 sends it: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. */
export function s3Error(status: number, code: string, message = "", headers: Record<string, string> = {}): Instead {
  return (response) =>
    response
      .writeHead(status, { "content-type": "application/xml", ...headers })
      .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

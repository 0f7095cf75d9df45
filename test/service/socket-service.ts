import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorResponse, METRICS, PATHS, type PredictResponse } from "../../service/contract.ts";
import { ERRORS, type ErrorCode } from "../../service/src/errors.ts";
import { blocks } from "./generate.ts";
import { type RawAnswer, RawConnection } from "./raw-connection.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { post } from "./socket-requests.ts";
import { png } from "./support.ts";

/** Times of the server, shorter than its own so that they can be waited for; in milliseconds. */
const TIMES = { headersTimeout: 1_000, requestTimeout: 2_000, timeout: 3_000, keepAliveTimeout: 300 } as const;

/** A connection that is good for nothing must end within this, on a slow machine too. */
export const BOUND_MS = 12_000;

/** Others are answered within this, whatever happens on a connection beside theirs. */
const OTHERS_MS = 4_000;

/** A listening service, the connections of a test to it, and what must be true after each test. */
export class SocketService {
  readonly #running: RunningApp;
  readonly #port: number;
  /** A whole image. */
  readonly image: Buffer;
  #connections: RawConnection[] = [];
  #expected = "";
  #over = true;
  #others: Promise<void> = Promise.resolve();

  private constructor(running: RunningApp, image: Buffer) {
    this.#running = running;
    this.#port = (running.app.server.address() as AddressInfo).port;
    this.image = image;
  }

  static async start(): Promise<SocketService> {
    const running = await startApp("raw", { WORKERS: "2", THREADS: "2" });
    Object.assign(running.app.server, TIMES);
    await running.app.listen({ host: "127.0.0.1", port: 0 });
    const service = new SocketService(running, await png(blocks(100, 80, 21), 100, 80));
    service.#expected = await service.#detect();
    return service;
  }

  close(): Promise<void> {
    return this.#running.close();
  }

  open(reads?: boolean): RawConnection {
    const connection = new RawConnection(this.#port, reads);
    this.#connections.push(connection);
    return connection;
  }

  /** Sends bytes, and waits for all answers. */
  ask(bytes: string | Uint8Array): Promise<RawAnswer[]> {
    return this.open().send(bytes).answers(BOUND_MS);
  }

  /**
   * Fails unless others were served, the server let go of all connections, though their clients still hold them, and it
   * answers as before.
   */
  async check(): Promise<void> {
    this.#over = true;
    await this.#others;
    await this.until("no connection", async () => (await this.connectionCount()) === 0);
    for (const { socket } of this.#connections) socket.destroy();
    this.#connections = [];
    assert.equal(await this.#detect(), this.#expected, "a whole image is no longer answered as before");
    await this.until("nothing in flight", async () => {
      const { body } = await this.#running.app.inject(PATHS.metrics);
      assert.match(body, new RegExp(`^${METRICS.workerRestarts} 0$`, "m"), "a worker died");
      return [METRICS.inFlight, METRICS.queueDepth, METRICS.streams].every((name) => body.includes(`\n${name} 0\n`));
    });
  }

  /** Lets another caller be served all the time, until `check`. */
  begin(): void {
    this.#over = false;
    this.#others = this.#serveOthers();
    // `check` says so.
    this.#others.catch(() => {});
  }

  async #serveOthers(): Promise<void> {
    while (!this.#over) {
      const started = performance.now();
      assert.equal(await this.#detect(), this.#expected);
      assert.ok(performance.now() - started < OTHERS_MS, "another caller had to wait");
      await sleep(50);
    }
  }

  /** Connections that the server holds. */
  connectionCount(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#running.app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    return promise;
  }

  async until(what: string, reached: () => Promise<boolean>): Promise<void> {
    const endsAt = performance.now() + BOUND_MS;
    while (!(await reached())) {
      assert.ok(performance.now() < endsAt, `expected ${what} within ${BOUND_MS} ms`);
      await sleep(20);
    }
  }

  async #detect(): Promise<string> {
    const [answer] = await this.ask(post(this.image, "connection: close"));
    assert.equal(answer?.status, 200, String(answer?.body));
    const { images } = JSON.parse(String(answer?.body)) as PredictResponse;
    return JSON.stringify(images.map(({ results }) => results));
  }
}

/** Fails unless the last answer is the given error of the table. */
export function assertRefused(answers: readonly RawAnswer[], code: ErrorCode, what = ""): void {
  const last = answers.at(-1);
  assert.ok(last !== undefined, `${what}: no answer`);
  assert.equal(assertFromTable(last, what), code, what);
}

/** Fails unless an answer is an error of the table; returns its code. */
export function assertFromTable({ status, headers, body }: RawAnswer, what = ""): ErrorCode {
  const shown = `${what}: ${status} ${body.toString().slice(0, 300)}`;
  assert.match(headers.get("content-type") ?? "", /^application\/json/, shown);
  const { error } = JSON.parse(body.toString()) as ErrorResponse;
  const code = error.code as ErrorCode;
  assert.equal(ERRORS[code]?.status, status, shown);
  assert.notEqual(status, 500, shown);
  assert.equal(headers.get("x-request-id"), error.requestId, shown);
  return code;
}

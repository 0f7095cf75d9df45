import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type FastifyInstance, fastify } from "fastify";
import { buildApp, MOST_CONNECTIONS } from "../../service/src/app.ts";
import { readConfig } from "../../service/src/config.ts";
import { addHeldBytes, type Budget, mostHeldBytes } from "../../service/src/held-bytes.ts";
import { RawConnection } from "./raw-connection.ts";
import { environment } from "./support.ts";

const LIMIT = 1_000_000;

describe("what bodies and answers hold together", function () {
  this.timeout(20_000);
  let app: FastifyInstance;
  let budget: Budget;
  const connections: RawConnection[] = [];
  const open = (reads = true) => {
    const connection = new RawConnection((app.server.address() as AddressInfo).port, reads);
    connections.push(connection);
    return connection;
  };
  /** The head of a request with the given headers. */
  const head = (...lines: string[]) => `${["POST / HTTP/1.1", "host: a", ...lines].join("\r\n")}\r\n\r\n`;
  const until = async (what: string, reached: () => boolean) => {
    for (const endsAt = Date.now() + 5_000; !reached(); await sleep(5)) assert.ok(Date.now() < endsAt, what);
  };
  const statusOf = ({ received }: RawConnection) => Number(received.toString("latin1").split(" ", 2)[1]);

  beforeEach(async () => {
    // Room for three bodies of the largest size.
    const config = readConfig(environment("raw", { QUEUE_LIMIT: "2", BODY_LIMIT_BYTES: String(LIMIT) }));
    app = fastify({ bodyLimit: LIMIT });
    budget = addHeldBytes(app, config);
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    app.setErrorHandler<Error & { code: string }>((error, _request, reply) => reply.status(503).send(error.code));
    app.post<{ Querystring: { answer?: string } }>("/", async ({ query: { answer = "0" } }) =>
      Buffer.alloc(Number(answer)),
    );
    app.get<{ Querystring: { answer: string } }>("/", async ({ query: { answer } }) => Buffer.alloc(Number(answer)));
    await app.listen({ host: "127.0.0.1", port: 0 });
    assert.equal(budget.most, 3 * LIMIT);
  });
  afterEach(async () => {
    for (const { socket } of connections.splice(0)) socket.destroy();
    await app.close();
  });

  it("is bounded for bodies that come slowly: one more is refused before it is sent, others follow when there is room", async () => {
    const slow = Array.from({ length: 3 }, () =>
      open()
        .send(head(`content-length: ${LIMIT}`))
        .send("x"),
    );
    await until("three bodies to be held", () => budget.held === 3 * LIMIT);
    const refused = open().send(head("content-length: 1"));
    await until("an answer", () => refused.received.length > 0);
    assert.equal(statusOf(refused), 503);
    assert.match(String(refused.received), /YOLO_QUEUE_FULL/);
    slow[0]?.send(Buffer.alloc(LIMIT - 1));
    await until("room", () => budget.held === 2 * LIMIT);
    await until("the answer to the body", () => statusOf(slow[0] as RawConnection) === 200);
    slow[1]?.socket.destroy();
    await until("room of a caller that left", () => budget.held === LIMIT);
    const taken = open().send(head("content-length: 1")).send("x");
    await until("an answer", () => taken.received.length > 0);
    assert.equal(statusOf(taken), 200);
  });

  it("counts a body of unknown length as the largest, and none where there is none", async () => {
    open().send(head("transfer-encoding: chunked"));
    await until("a body in chunks", () => budget.held === LIMIT);
    open().send(head("content-encoding: gzip", "content-length: 10"));
    await until("a compressed body", () => budget.held === 2 * LIMIT);
    open().send(head("content-length: 10"));
    await until("a body of ten bytes", () => budget.held === 2 * LIMIT + 10);
    const none = open().send(head());
    await until("an answer", () => none.received.length > 0);
    assert.equal(budget.held, 2 * LIMIT + 10);
  });

  it("is bounded for answers that are not read", async () => {
    // More than sockets take, and three of them more than there is room for answers in any case.
    const get = "GET /?answer=25000000 HTTP/1.1\r\nhost: a\r\n\r\n";
    for (let each = 0; each < 2; each++) open(false).send(get);
    await until("two answers to be held", () => budget.held === 50_000_000);
    const refused = open().send(get);
    await until("an answer", () => refused.received.length > 0);
    assert.equal(statusOf(refused), 503);
    connections[0]?.socket.destroy();
    await until("room of a caller that left", () => budget.held === 25_000_000);
    const taken = open().send(get);
    await until("an answer", () => taken.received.length > 0);
    assert.equal(statusOf(taken), 200);
  });

  it("gives the room of a body to its answer", async () => {
    open(false)
      .send(head(`content-length: ${LIMIT}`).replace("/", "/?answer=25000000"))
      .send(Buffer.alloc(LIMIT));
    await until("the answer to be held, and the body no more", () => budget.held === 25_000_000);
  });

  it("is as much as may wait and be worked on", () => {
    assert.equal(mostHeldBytes({ queueLimit: 5, workers: 2, maxBatch: 4, bodyLimitBytes: 10 }), 130);
  });
});

describe("connections", () => {
  it("are bounded: one more is closed", async () => {
    const { app } = await buildApp(readConfig(environment("raw", { QUEUE_LIMIT: "5" })), { phase: "starting" });
    assert.equal(app.server.maxConnections, MOST_CONNECTIONS + 5);
    app.server.maxConnections = 1;
    await app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const first = new RawConnection(port);
    await sleep(50);
    const second = new RawConnection(port);
    assert.deepEqual(await second.answers(5_000), []);
    first.socket.destroy();
    second.socket.destroy();
    await app.close();
  });
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import type { ImageResult, StreamMessage } from "../../service/contract.ts";
import { RequestError } from "../../service/src/errors.ts";
import { type SessionOptions, STREAM_LIMITS, StreamSession } from "../../service/src/stream/session.ts";

const RESULT: ImageResult = { shape: [1, 1], results: [], speed: { preprocess: 0, inference: 0, postprocess: 0 } };

/** More than the kernel's buffers take. */
const LARGE: ImageResult = { ...RESULT, results: [{ class: 0, name: "x".repeat(64 << 20), confidence: 1 }] };

/** A frame that is being looked at, until it is told what to answer. */
interface Pending {
  image: Uint8Array;
  frame: number;
  signal: AbortSignal;
  answer(result?: ImageResult): void;
  fail(error: unknown): void;
}

/** A session over a real connection, whose frames the test answers. */
async function open(limits: Partial<typeof STREAM_LIMITS> = {}, client: { autoPong?: boolean } = {}) {
  const pending: Pending[] = [];
  const failures: unknown[] = [];
  const server = createServer();
  const sockets = new WebSocketServer({ server, autoPong: false });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const session = new Promise<StreamSession>((resolve) => {
    sockets.once("connection", (socket) => {
      const analyse: SessionOptions["analyse"] = (image, frame, signal) => {
        const { promise, resolve: answer, reject: fail } = Promise.withResolvers<ImageResult>();
        pending.push({ image, frame, signal, answer: (result = RESULT) => answer(result), fail });
        return promise;
      };
      const onFailure = (error: unknown) => failures.push(error);
      resolve(new StreamSession(socket, { id: "test", analyse, onFailure, limits: { ...STREAM_LIMITS, ...limits } }));
    });
  });
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { autoPong: client.autoPong ?? true });
  const messages: StreamMessage[] = [];
  socket.on("message", (data: Buffer) => messages.push(JSON.parse(data.toString())));
  const closed = once(socket, "close").then(([code, reason]) => ({ code: code as number, reason: String(reason) }));
  await once(socket, "open");
  return {
    session: await session,
    socket,
    messages,
    pending,
    failures,
    closed,
    end: () => {
      socket.terminate();
      sockets.close();
      server.close();
    },
  };
}

/** Waits until something holds; a test's own time limit ends the waiting. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

describe("a stream's session", () => {
  let stream: Awaited<ReturnType<typeof open>>;

  afterEach(() => stream.end());

  it("answers each frame by its number, in order", async () => {
    stream = await open();
    for (const number of [1, 2, 3]) {
      stream.socket.send(Buffer.of(number));
      await until(() => stream.pending.length === number);
      assert.deepEqual([...(stream.pending[number - 1]?.image ?? [])], [number]);
      stream.pending[number - 1]?.answer();
      await until(() => stream.messages.length === number);
    }
    assert.deepEqual(
      stream.messages,
      [1, 2, 3].map((frame) => ({ type: "result", frame, skipped: 0, image: RESULT })),
    );
  });

  it("works on one frame, keeps the newest of those that come meanwhile, and counts the others as skipped", async () => {
    stream = await open();
    for (let number = 1; number <= 6; number++) stream.socket.send(Buffer.of(number));
    await until(() => stream.session.counts.received === 6);
    assert.equal(stream.pending.length, 1);
    stream.pending[0]?.answer();
    await until(() => stream.pending.length === 2);
    assert.equal(stream.pending[1]?.frame, 6);
    stream.pending[1]?.answer();
    await until(() => stream.messages.length === 2);
    assert.deepEqual(
      stream.messages.map((message) => message.type === "result" && [message.frame, message.skipped]),
      [
        [1, 4],
        [6, 0],
      ],
    );
    assert.deepEqual(stream.session.counts, { received: 6, answered: 2, skipped: 4 });
  });

  it("answers what is wrong with a frame, and goes on", async () => {
    stream = await open();
    stream.socket.send("text");
    stream.socket.on("message", () => {
      if (stream.messages.length === 1) stream.socket.send(Buffer.alloc(0));
      if (stream.messages.length === 2) stream.socket.send(Buffer.of(1));
    });
    await until(() => stream.pending.length === 1);
    stream.pending[0]?.fail(new RequestError("YOLO_IMAGE_UNREADABLE", "no image"));
    await until(() => stream.messages.length === 3);
    stream.socket.send(Buffer.of(2));
    await until(() => stream.pending.length === 2);
    stream.pending[1]?.answer();
    await until(() => stream.messages.length === 4);
    const codes = stream.messages.map((message) => (message.type === "error" ? message.error.code : message.type));
    assert.deepEqual(codes, ["YOLO_REQUEST_INVALID", "YOLO_IMAGE_EMPTY", "YOLO_IMAGE_UNREADABLE", "result"]);
    assert.deepEqual(stream.messages[2], {
      type: "error",
      frame: 3,
      error: { code: "YOLO_IMAGE_UNREADABLE", message: "no image", requestId: "test" },
    });
    assert.equal(stream.failures.length, 0);
  });

  it("hides what is wrong with the service itself, and reports it", async () => {
    stream = await open();
    stream.socket.send(Buffer.of(1));
    await until(() => stream.pending.length === 1);
    stream.pending[0]?.fail(new TypeError("secret"));
    await until(() => stream.messages.length === 1);
    assert.ok(!JSON.stringify(stream.messages).includes("secret"));
    assert.match(JSON.stringify(stream.messages), /YOLO_INTERNAL/);
    assert.ok(stream.failures[0] instanceof TypeError);
  });

  it("drops a frame whose client has left", async () => {
    stream = await open();
    stream.socket.send(Buffer.of(1));
    await until(() => stream.pending.length === 1);
    stream.socket.terminate();
    await until(() => stream.pending[0]?.signal.aborted === true);
    stream.pending[0]?.fail(stream.pending[0].signal.reason);
    await sleep(20);
    assert.equal(stream.failures.length, 0);
  });

  it("begins no further frame while an answer is not read, and closes when it is not read in time", async () => {
    stream = await open({ readMs: 300, closeMs: 100 });
    stream.socket.pause();
    stream.socket.send(Buffer.of(1));
    await until(() => stream.pending.length === 1);
    stream.pending[0]?.answer(LARGE);
    stream.socket.send(Buffer.of(2));
    await until(() => stream.session.counts.received === 2);
    await sleep(100);
    assert.equal(stream.pending.length, 1);
    await sleep(600);
    stream.socket.resume();
    assert.equal((await stream.closed).code, 1006);
    assert.deepEqual(stream.session.counts, { received: 2, answered: 0, skipped: 0 });
  });

  it("closes with 1000 when no frame comes, but not while one is worked on", async () => {
    stream = await open({ idleMs: 100 });
    stream.socket.send(Buffer.of(1));
    await until(() => stream.pending.length === 1);
    await sleep(250);
    stream.pending[0]?.answer();
    assert.deepEqual(await stream.closed, { code: 1000, reason: "no frame came for a while" });
    assert.equal(stream.messages.length, 1);
  });

  it("keeps a connection that answers its pings, and ends one that does not", async () => {
    stream = await open({ pingMs: 50 });
    await sleep(300);
    assert.equal(stream.socket.readyState, WebSocket.OPEN);
    stream.end();
    stream = await open({ pingMs: 50 }, { autoPong: false });
    assert.equal((await stream.closed).code, 1006);
  });

  it("answers pings, but not those of a client that reads nothing", async () => {
    stream = await open();
    const pongs: string[] = [];
    stream.socket.on("pong", (data) => pongs.push(String(data)));
    stream.socket.ping("first");
    await until(() => pongs.length === 1);
    stream.socket.send(Buffer.of(1));
    await until(() => stream.pending.length === 1);
    stream.socket.pause();
    stream.pending[0]?.answer(LARGE);
    await sleep(300);
    for (let i = 0; i < 100; i++) stream.socket.ping("unread");
    // A frame shows that the pings before it have arrived.
    stream.socket.send(Buffer.of(2));
    await until(() => stream.session.counts.received === 2);
    stream.socket.resume();
    await until(() => stream.messages.length === 1);
    stream.socket.ping("last");
    await until(() => pongs.at(-1) === "last");
    assert.deepEqual(pongs, ["first", "last"]);
  });

  it("finishes the frame that is worked on, drops the one that waits, and closes with 1012", async () => {
    stream = await open();
    stream.socket.send(Buffer.of(1));
    stream.socket.send(Buffer.of(2));
    await until(() => stream.session.counts.received === 2);
    const finished = stream.session.finish();
    stream.socket.send(Buffer.of(3));
    await sleep(50);
    assert.equal(stream.socket.readyState, WebSocket.OPEN);
    stream.pending[0]?.answer();
    assert.deepEqual(await stream.closed, { code: 1012, reason: "the service is stopping" });
    await finished;
    assert.deepEqual(
      stream.messages.map(({ frame }) => frame),
      [1],
    );
    assert.equal(stream.pending.length, 1);
  });

  it("does not wait long for a client that takes no part in closing", async () => {
    stream = await open({ closeMs: 100 });
    stream.socket.pause();
    const started = performance.now();
    await stream.session.finish();
    assert.ok(performance.now() - started < 5_000);
  });
});

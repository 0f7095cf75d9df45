import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { CLIENT_CODES, type ClientOptions, YoloClient, YoloError } from "../../service/client/index.ts";
import { parseRetryAfter, pauseMs } from "../../service/client/retry.ts";
import type { StreamMessage } from "../../service/contract.ts";
import { blocks } from "./generate.ts";
import { answer, EMPTY_ANSWER, refuse, reset, ScriptedServer } from "./scripted-server.ts";
import { Server } from "./server-process.ts";
import { environment, FIXTURES, png } from "./support.ts";

const IMAGE = new Uint8Array([1, 2, 3]);

const fails = (promise: Promise<unknown>, expected: Partial<YoloError>) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof YoloError, String(error));
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(error[key as keyof YoloError], value, key);
    return true;
  });

describe("YoloClient with a service", () => {
  let server: Server;
  let url: string;
  let client: YoloClient;
  let image: Buffer;
  before(async () => {
    server = new Server(environment("raw", { LOG_LEVEL: "info" }));
    image = await png(blocks(200, 120, 21), 200, 120);
    url = await server.ready();
    client = new YoloClient({ url });
  });
  after(async () => {
    server.process.kill("SIGTERM");
    await server.exit;
  });

  it("finds objects in one image, given as bytes, as an array buffer or as a blob", async () => {
    const { images, metadata } = await client.predict(image, { conf: 0.3 });
    assert.deepEqual([images.length, images[0]?.shape, metadata.model], [1, [120, 200], "colours"]);
    assert.ok((images[0]?.results.length ?? 0) > 0);
    const bytes = new Uint8Array(image);
    for (const input of [bytes.buffer, new Blob([bytes])]) {
      assert.deepEqual((await client.predict(input, { conf: 0.3 })).images[0]?.results, images[0]?.results);
    }
  });

  it("takes a blob whose type a browser guessed wrongly", async () => {
    const { images } = await client.predict(new Blob([new Uint8Array(image)], { type: "image/x-portable" }));
    assert.equal(images.length, 1);
  });

  it("finds objects in several images, in their order", async () => {
    const second = await readFile(join(FIXTURES, "sideways.jpg"));
    const { images } = await client.predict([image, second, image]);
    const upright = (await sharp(second).metadata()).autoOrient;
    assert.deepEqual(
      images.map(({ shape }) => shape),
      [
        [120, 200],
        [upright.height, upright.width],
        [120, 200],
      ],
    );
    assert.deepEqual(images[0]?.results, images[2]?.results);
  });

  it("sends each option under its name", async () => {
    const all = (await client.predict(image)).images[0]?.results ?? [];
    const [first] = all;
    assert.ok(first !== undefined);
    const one = await client.predict(image, {
      maxDet: 1,
      decimals: 0,
      classes: [first.class],
      iou: 0.5,
      model: "colours",
    });
    assert.deepEqual(
      one.images[0]?.results.map(({ class: index }) => index),
      [first.class],
    );
    assert.ok(Number.isInteger(one.images[0]?.results[0]?.box?.x1));
    const share = await client.predict(image, { normalize: true, maxDet: 1 });
    assert.ok((share.images[0]?.results[0]?.box?.x2 ?? 2) <= 1);
  });

  it("gets an image drawn", async () => {
    const drawn = await client.annotate(image, { conf: 0.3 });
    const { format, width, height } = await sharp(drawn).metadata();
    assert.deepEqual([format, width, height], ["jpeg", 200, 120]);
  });

  it("tells what is wrong with a request by the service's code, status and request id", async () => {
    await fails(client.predict(IMAGE), { code: "YOLO_IMAGE_UNREADABLE", status: 400, retryAfterSeconds: undefined });
    await fails(client.predict(image, { conf: 7 }), { code: "YOLO_PARAMETER_INVALID", status: 400 });
    await assert.rejects(client.predict(IMAGE), ({ requestId }: YoloError) =>
      /^[0-9a-f-]{36}$/.test(String(requestId)),
    );
  });

  it("tells that the service is ready, and what it runs", async () => {
    assert.equal(await client.ready(), true);
    const { models, versions } = await client.info();
    assert.deepEqual(
      models.map(({ name }) => name),
      ["colours"],
    );
    assert.match(versions.node, /^v?26\./);
  });

  it("streams frames and answers each, with the numbers of objects kept", async () => {
    async function* frames() {
      for (let i = 0; i < 6; i++) yield image;
    }
    const messages: StreamMessage[] = [];
    for await (const message of client.stream(frames(), { everyFrame: true, conf: 0.3 })) messages.push(message);
    assert.deepEqual(
      messages.map(({ frame }) => frame),
      [1, 2, 3, 4, 5, 6],
    );
    const ids = messages.map((message) => {
      return message.type === "result" ? message.image.results.map(({ track_id: id }) => id) : [];
    });
    assert.ok((ids[5]?.length ?? 0) > 0);
    assert.deepEqual(ids[5], ids[4]);
  });

  it("answers the newest of frames that come too fast, and says how many it skipped", async () => {
    const slow = await png(blocks(2000, 2000, 3), 2000, 2000);
    async function* frames() {
      for (let i = 0; i < 12; i++) yield slow;
    }
    const messages: StreamMessage[] = [];
    for await (const message of client.stream(frames())) messages.push(message);
    assert.equal(messages.at(-1)?.frame, 12);
    const skipped = messages.reduce((sum, message) => sum + (message.type === "result" ? message.skipped : 0), 0);
    assert.equal(messages.length + skipped, 12);
    assert.ok(skipped > 0);
  });

  it("goes on with a stream after a frame that cannot be read", async () => {
    async function* frames() {
      yield image;
      yield IMAGE;
      yield image;
    }
    const types: string[] = [];
    for await (const message of client.stream(frames(), { everyFrame: true })) {
      types.push(message.type === "error" ? message.error.code : message.type);
    }
    assert.deepEqual(types, ["result", "YOLO_IMAGE_UNREADABLE", "result"]);
  });

  it("ends a stream whose reader leaves or whose signal is aborted, though no frame comes any more", async () => {
    let released = 0;
    async function* frames() {
      try {
        yield image;
        await sleep(500);
        yield image;
      } finally {
        released++;
      }
    }
    for await (const message of client.stream(frames())) {
      assert.equal(message.frame, 1);
      break;
    }
    const caller = new AbortController();
    const reason = new Error("enough");
    const reading = (async () => {
      for await (const message of client.stream(frames(), { signal: caller.signal }))
        if (message.frame === 1) caller.abort(reason);
    })();
    await assert.rejects(reading, reason);
    while (released < 2) await sleep(10);
  });

  it("passes on what its source of frames throws", async () => {
    async function* frames() {
      yield image;
      throw new Error("the camera is gone");
    }
    const reading = (async () => {
      for await (const _ of client.stream(frames()));
    })();
    await assert.rejects(reading, /the camera is gone/);
  });

  it("says why a stream is refused", async () => {
    async function* frames() {
      yield image;
    }
    const reading = (async () => {
      for await (const _ of client.stream(frames(), { conf: 9 }));
    })();
    await fails(reading, { code: "YOLO_PARAMETER_INVALID", status: 400 });
  });
});

describe("YoloClient with trouble", () => {
  const servers: ScriptedServer[] = [];
  const scripted = async (...acts: Parameters<typeof ScriptedServer.start>) => {
    const server = await ScriptedServer.start(...acts);
    servers.push(server);
    return server;
  };
  const clientOf = ({ url }: { url: string }, more: Partial<ClientOptions> = {}) => new YoloClient({ url, ...more });
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it("waits as long as Retry-After asks, then gets its answer", async () => {
    const server = await scripted(refuse(503, "YOLO_QUEUE_FULL", { "retry-after": "1" }), answer(200, EMPTY_ANSWER));
    assert.equal((await clientOf(server).predict(IMAGE)).images.length, 1);
    const [first, second] = server.requests;
    assert.ok((second?.at ?? 0) - (first?.at ?? 0) >= 1000);
    assert.deepEqual(second?.body, Buffer.from(IMAGE));
  });

  for (const [name, act] of [
    ["429", refuse(429, "YOLO_RATE_LIMITED", { "retry-after": "0" })],
    ["502 of a load balancer", answer(502, "<html>")],
    ["a connection that breaks", reset],
    [
      "an answer that breaks off",
      (_request, response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
        response.write("{", () => response.socket?.resetAndDestroy());
      },
    ],
  ] as [string, Parameters<typeof ScriptedServer.start>[0]][]) {
    it(`sends again after ${name}`, async () => {
      const server = await scripted(act, act, answer(200, EMPTY_ANSWER));
      assert.equal((await clientOf(server).predict(IMAGE)).images.length, 1);
      assert.equal(server.requests.length, 3);
    });
  }

  it("waits longer than the service lets a caller say, and refuses what no timer can wait", async () => {
    const server = await scripted(answer(200, EMPTY_ANSWER));
    await clientOf(server, { timeoutMs: 86_400_000 }).predict(IMAGE);
    assert.equal(server.requests[0]?.headers["x-request-timeout-ms"], "600000");
    for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      assert.throws(
        () => clientOf(server, { timeoutMs }),
        /^RangeError: Expected timeoutMs above 0 and at most 2147483647/,
      );
      await assert.rejects(clientOf(server).predict(IMAGE, { timeoutMs }), RangeError);
    }
  });

  it("sends a form with several images again as a whole", async () => {
    const two = { ...EMPTY_ANSWER, images: [...EMPTY_ANSWER.images, ...EMPTY_ANSWER.images] };
    const server = await scripted(reset, answer(200, two));
    await clientOf(server).predict([IMAGE, IMAGE]);
    const [first, second] = server.requests;
    assert.match(String(second?.headers["content-type"]), /^multipart\/form-data; boundary=/);
    assert.equal(first?.body.length, second?.body.length);
  });

  it("gives up after as many repetitions as it was told", async () => {
    const server = await scripted(refuse(503, "YOLO_QUEUE_FULL", { "retry-after": "0" }));
    await fails(clientOf(server, { retries: 2 }).predict(IMAGE), {
      code: "YOLO_QUEUE_FULL",
      status: 503,
      requestId: "id-1",
      retryAfterSeconds: 0,
    });
    assert.equal(server.requests.length, 3);
  });

  it("sends nothing again that would fail again", async () => {
    const server = await scripted(
      refuse(400, "YOLO_IMAGE_UNREADABLE"),
      refuse(401, "YOLO_KEY_INVALID"),
      refuse(500, "YOLO_INTERNAL"),
    );
    for (const code of ["YOLO_IMAGE_UNREADABLE", "YOLO_KEY_INVALID", "YOLO_INTERNAL"]) {
      await fails(clientOf(server).predict(IMAGE), { code });
    }
    assert.equal(server.requests.length, 3);
  });

  it("does not wait for a service that asks for more than 30 s, or for more than there is time", async () => {
    const long = await scripted(refuse(503, "YOLO_NOT_READY", { "retry-after": "3600" }));
    await fails(clientOf(long).predict(IMAGE), { code: "YOLO_NOT_READY", retryAfterSeconds: 3600 });
    const short = await scripted(refuse(503, "YOLO_NOT_READY", { "retry-after": "5" }));
    await fails(clientOf(short, { timeoutMs: 1000 }).predict(IMAGE), { code: "YOLO_NOT_READY" });
    assert.deepEqual([long.requests.length, short.requests.length], [1, 1]);
  });

  it("gives up in time when no answer comes, or a body that never ends", async () => {
    const silent = await scripted(() => {});
    await fails(clientOf(silent, { timeoutMs: 200 }).predict(IMAGE), { code: CLIENT_CODES.late, status: undefined });
    const endless = await scripted((_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const timer = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(timer));
    });
    await fails(clientOf(endless).predict(IMAGE, { timeoutMs: 300 }), { code: CLIENT_CODES.late });
  });

  it("tells the service how long it waits", async () => {
    const server = await scripted(answer(200, EMPTY_ANSWER));
    await clientOf(server, { timeoutMs: 4000, apiKey: "k" }).predict(IMAGE);
    const headers = server.requests[0]?.headers ?? {};
    const wait = Number(headers["x-request-timeout-ms"]);
    assert.ok(wait > 3000 && wait <= 4000);
    assert.equal(headers["x-api-key"], "k");
  });

  it("ends at once, with the caller's own reason, when its signal is aborted, also while it pauses", async () => {
    const server = await scripted(refuse(503, "YOLO_QUEUE_FULL", { "retry-after": "20" }));
    const caller = new AbortController();
    const reason = new Error("the user left");
    const started = performance.now();
    const call = clientOf(server).predict(IMAGE, { signal: caller.signal });
    setTimeout(() => caller.abort(reason), 300);
    await assert.rejects(call, reason);
    assert.ok(performance.now() - started < 10_000);
    await assert.rejects(clientOf(server).predict(IMAGE, { signal: AbortSignal.abort(reason) }), reason);
    assert.equal(server.requests.length, 1);
  });

  it("says so when nothing listens", async () => {
    const gone = await scripted();
    gone.close();
    const client = clientOf(gone, { retries: 1 });
    await fails(client.predict(IMAGE), { code: CLIENT_CODES.unreachable, status: undefined });
    assert.equal(await client.ready(), false);
    async function* frames() {
      yield IMAGE;
    }
    const reading = (async () => {
      for await (const _ of client.stream(frames()));
    })();
    await fails(reading, { code: CLIENT_CODES.unreachable });
  });

  it("is not ready while the service says 503, and fails where something else answers", async () => {
    const server = await scripted(answer(503, {}), answer(404, {}));
    assert.equal(await clientOf(server).ready(), false);
    await fails(clientOf(server).ready(), { status: 404 });
  });

  it("takes nothing for an answer that is none", async () => {
    const server = await scripted(
      (_request, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
      answer(200, null),
      answer(200, { images: [] }),
      answer(200, { images: [], metadata: {} }),
    );
    for (let i = 0; i < 4; i++)
      await fails(clientOf(server).predict(IMAGE), { code: CLIENT_CODES.invalid, status: 200 });
    await fails(clientOf(server).annotate(IMAGE), { code: CLIENT_CODES.invalid });
    await fails(clientOf(server).info(), { code: CLIENT_CODES.invalid });
    assert.equal(server.requests.length, 6);
  });

  it("follows no redirect, which would carry the key elsewhere, and names where it leads", async () => {
    const other = await scripted(answer(200, EMPTY_ANSWER));
    const server = await scripted(answer(307, {}, { location: `${other.url}/predict` }));
    await assert.rejects(clientOf(server, { apiKey: "k" }).predict(IMAGE), (error: YoloError) =>
      error.message.includes(other.url),
    );
    assert.equal(other.requests.length, 0);
  });

  it("keeps a path in the address, and uses the fetch that it is given", async () => {
    const server = await scripted(answer(200, EMPTY_ANSWER));
    let calls = 0;
    const client = clientOf(
      { url: `${server.url}/vision/` },
      {
        fetch: (input, init) => {
          calls++;
          return fetch(input, init);
        },
      },
    );
    await client.predict(IMAGE, { conf: 0.5, classes: [1, 2] });
    assert.equal(server.requests[0]?.url, "/vision/predict?conf=0.5&classes=1%2C2");
    assert.equal(calls, 1);
  });

  it("refuses what it cannot be made of", async () => {
    for (const url of ["", "localhost:8080", "ftp://host"])
      assert.throws(() => new YoloClient({ url }), /Expected the http/);
    assert.throws(() => clientOf({ url: "http://a" }, { timeoutMs: 0 }), RangeError);
    assert.throws(() => clientOf({ url: "http://a" }, { retries: 0.5 }), RangeError);
    await assert.rejects(clientOf({ url: "http://a" }).predict([]), /at least one image/);
  });
});

describe("pauses before a repetition", () => {
  it("grow, are spread at random, and are at least what the service asks for", () => {
    assert.deepEqual(
      [1, 2, 3, 9].map((attempt) => pauseMs(attempt, undefined, () => 1)),
      [250, 500, 1000, 5000],
    );
    assert.deepEqual(
      [1, 2].map((attempt) => pauseMs(attempt, undefined, () => 0)),
      [125, 250],
    );
    assert.deepEqual([pauseMs(1, 2, () => 0), pauseMs(1, 2, () => 1)], [2000, 2250]);
  });

  it("are read from seconds and from dates", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    assert.equal(parseRetryAfter("7", now), 7);
    assert.equal(parseRetryAfter("Thu, 01 Jan 2026 00:00:30 GMT", now), 30);
    assert.equal(parseRetryAfter("Wed, 31 Dec 2025 00:00:00 GMT", now), 0);
    for (const header of [null, "", "soon", "-1"])
      assert.equal(parseRetryAfter(header, now), undefined, String(header));
  });
});

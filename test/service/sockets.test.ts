import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { PATHS } from "../../service/contract.ts";
import { damage } from "./fuzz-images.ts";
import { blocks } from "./generate.ts";
import { maskedFrame, type RawAnswer, type RawConnection } from "./raw-connection.ts";
import {
  BAD_CHUNKS,
  chunkedPost,
  FOREIGN,
  formPost,
  HANDSHAKE_KEY,
  handshake,
  head,
  INNER,
  post,
  SMUGGLING,
} from "./socket-requests.ts";
import { assertFromTable, assertRefused, BOUND_MS, SocketService } from "./socket-service.ts";
import { slowImage } from "./support.ts";

/** `FUZZ_SEED` repeats a run. */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

describe("the service, over connections that do not behave", function () {
  this.timeout(60_000);
  let service: SocketService;
  let image: Buffer;
  before(async () => {
    service = await SocketService.start();
    image = service.image;
  });
  after(() => service.close());
  beforeEach(() => service.begin());
  afterEach(() => service.check());

  const open = (reads?: boolean): RawConnection => service.open(reads);
  const ask = (bytes: string | Uint8Array): Promise<RawAnswer[]> => service.ask(bytes);

  describe("that are slow", () => {
    /** Sends bytes one after the other until the connection ends. */
    const trickle = async (first: string, rest: string) => {
      const connection = open().send(first);
      const drip = (async () => {
        for (let i = 0; i < rest.length && connection.received.length === 0; i++) {
          connection.send(rest[i] ?? "");
          await sleep(150);
        }
      })();
      const answers = await connection.answers(BOUND_MS);
      await drip;
      assert.equal(answers.length, 1);
      assertRefused(answers, "YOLO_REQUEST_SLOW");
    };

    it("is answered 408 where headers come byte by byte, or not at all", async () => {
      const dripping = Array.from({ length: 40 }, () =>
        trickle("GET ", `${PATHS.info} HTTP/1.1\r\n${"x".repeat(500)}`),
      );
      const silent = Array.from({ length: 10 }, () => trickle("", ""));
      await Promise.all([...dripping, ...silent]);
    });

    it("is answered 408 where a body comes byte by byte, or stops", async () => {
      const plain = head("content-length: 1000");
      const chunks = head("transfer-encoding: chunked");
      await Promise.all([
        ...Array.from({ length: 20 }, () => trickle(plain, "x".repeat(500))),
        ...Array.from({ length: 10 }, () => trickle(`${chunks}1f4\r\n`, "x".repeat(400))),
        trickle(plain, ""),
        trickle(chunks, ""),
        trickle(formPost(image).toString("latin1").slice(0, -30), ""),
      ]);
    });

    it("lets go of callers that do not read their answers", async () => {
      const request = `GET ${PATHS.openapi} HTTP/1.1\r\nhost: a\r\n\r\n`.repeat(300);
      for (let i = 0; i < 5; i++) open(false).send(request);
      await service.until("the connections to be there", async () => (await service.connectionCount()) >= 5);
    });
  });

  describe("that end early", () => {
    it("takes a caller that closes its side after its request for one that leaves", async () => {
      for (const request of [post(image), chunkedPost(image), formPost(image)]) {
        const answers = await open().send(request).end().answers(BOUND_MS);
        // Only what was ready by then still goes out.
        assert.ok(answers.length <= 1 && answers.every(({ status }) => status === 200));
      }
    });

    it("answers 400 where one side is closed within a request, and ends", async () => {
      for (const request of [post(image), chunkedPost(image), formPost(image)]) {
        for (const length of [1, 20, 60, request.length - 200, request.length - 1]) {
          const answers = await open().send(request.subarray(0, length)).end().answers(BOUND_MS);
          assert.equal(answers.length, 1, `after ${length} bytes`);
          assertRefused(answers, "YOLO_REQUEST_INVALID");
        }
      }
    });

    it("stands connections that are reset anywhere, also while their request is worked on", async () => {
      const request = post(await slowImage());
      for (const length of [0, 1, 100, 1000, request.length - 1, request.length, request.length]) {
        const connection = open().send(request.subarray(0, length));
        await sleep(100);
        connection.socket.resetAndDestroy();
        await connection.ended;
      }
    });
  });

  describe("that send what is no request", () => {
    for (const [kind, requests] of Object.entries({ foreign: FOREIGN, "broken chunks": BAD_CHUNKS })) {
      it(`answers 400 and ends: ${kind}`, async () => {
        for (const [name, bytes] of Object.entries(requests)) {
          assertRefused(await ask(bytes), "YOLO_REQUEST_INVALID", name);
        }
      });
    }

    it("never answers a request that is hidden in another one", async () => {
      for (const [name, bytes] of Object.entries(SMUGGLING)) {
        const answers = await ask(bytes);
        assert.equal(answers.length, 1, `${name}: ${answers.map(({ body }) => body)}`);
        assertRefused(answers, "YOLO_REQUEST_INVALID", name);
      }
      // A request that may have no body has one here; it is no request either.
      const hidden = await ask(
        `GET ${PATHS.live} HTTP/1.1\r\nhost: a\r\ncontent-length: ${INNER.length}\r\n\r\n${INNER}`,
      );
      assert.equal(hidden.length, 1);
    });

    it("refuses headers and addresses that are too long or too many", async () => {
      const get = (path: string, headers: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n${headers}\r\n`;
      const numbered = Array.from({ length: 10_000 }, (_, i) => `x-${i}: ${i}\r\n`).join("");
      assertRefused(await ask(get(PATHS.info, numbered)), "YOLO_HEADERS_TOO_LARGE");
      assertRefused(await ask(get(PATHS.info, `x: ${"y".repeat(20_000)}\r\n`)), "YOLO_HEADERS_TOO_LARGE");
      assertRefused(await ask(get(PATHS.info, `${"x".repeat(20_000)}: y\r\n`)), "YOLO_HEADERS_TOO_LARGE");
      assertRefused(await ask(get(`/${"a".repeat(20_000)}`, "")), "YOLO_HEADERS_TOO_LARGE");
      assertRefused(await ask(get(`/${"a".repeat(15_000)}`, "connection: close\r\n")), "YOLO_ROUTE_UNKNOWN");
      const trailers = `${head("transfer-encoding: chunked")}0\r\n${numbered}\r\n`;
      assertRefused(await ask(trailers), "YOLO_HEADERS_TOO_LARGE");
      assertRefused(await ask(get(PATHS.info, "a:\r\n".repeat(10_000))), "YOLO_HEADERS_TOO_LARGE");
    });

    it("answers a body that is longer than its length, then refuses what is left of it", async () => {
      const request = Buffer.concat([post(image), Buffer.from("\0left\0")]);
      const answers = await ask(request);
      assertRefused(answers, "YOLO_REQUEST_INVALID");
      const endless = `${head("transfer-encoding: chunked")}${"4000\r\n".concat("x".repeat(0x4000), "\r\n").repeat(1400)}`;
      const [first] = await ask(endless);
      assertRefused(first === undefined ? [] : [first], "YOLO_BODY_TOO_LARGE");
      assertRefused(await ask(head("content-length: 9007199254740993")), "YOLO_BODY_TOO_LARGE");
      assertRefused(await ask(head(`content-length: ${"9".repeat(30)}`)), "YOLO_REQUEST_INVALID");
    });

    it("answers expectations that it does not know, and methods that it does not have", async () => {
      const [unknown] = await ask(post(image, "expect: the-unexpected", "connection: close"));
      assert.equal(unknown?.status, 200);
      const [known] = await ask(post(image, "expect: 100-continue", "connection: close"));
      assert.equal(known?.status, 200);
      for (const method of ["TRACE", "PROPFIND", "QUERY", "PURGE", "DELETE"]) {
        const answers = await ask(`${method} ${PATHS.predict} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
        assertRefused(answers, "YOLO_METHOD_UNSUPPORTED", method);
      }
      // Tunnels are none of its business; the connection just ends.
      assert.deepEqual(await ask("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n"), []);
    });
  });

  it("answers requests that are sent together in their order, up to the first that is none", async () => {
    const ids = Array.from({ length: 300 }, (_, i) => `id-${i}`);
    const requests = ids.map((id, i) => {
      return i % 10 === 0
        ? post(image, `x-request-id: ${id}`)
        : Buffer.from(INNER.replace("host", `x-request-id: ${id}\r\nhost`));
    });
    const connection = open().send(Buffer.concat(requests));
    const answers = await connection.answers(BOUND_MS);
    assert.deepEqual(
      answers.map(({ headers }) => headers.get("x-request-id")),
      ids,
    );
    for (const { status } of answers) assert.ok(status === 200 || status === 503, String(status));
  });

  it("answers damaged requests from the error table, or ends their connection (1,000 cases)", async () => {
    const seeds = [
      INNER,
      post(image),
      chunkedPost(image),
      formPost(image),
      Buffer.concat([Buffer.from(handshake(...HANDSHAKE_KEY)), maskedFrame(0x82, image)]),
      Buffer.concat([Buffer.from(INNER), post(image), Buffer.from(INNER)]),
    ].map((bytes, index) => ({ name: String(index), file: Buffer.from(bytes) }));
    const damages = fc.array(damage(seeds), { minLength: 1, maxLength: 3 });
    let refused = 0;
    const property = fc.asyncProperty(fc.constantFrom(...seeds), damages, async ({ file }, changes) => {
      const connection = open().send(changes.reduce<Buffer>((bytes, change) => change(bytes), file));
      const answers = await connection.end().answers(BOUND_MS);
      for (const answer of answers) {
        if (answer.status < 400) continue;
        assertFromTable(answer);
        refused++;
      }
      connection.socket.destroy();
    });
    await Promise.all(
      Array.from({ length: 10 }, (_, lane) =>
        fc.assert(property, { numRuns: 100, seed: SEED + lane, endOnFailure: true }),
      ),
    );
    assert.ok(refused > 100, String(refused));
  });

  describe("that are WebSockets", () => {
    it("answers handshakes that are none with a code of the error table", async () => {
      const [version = "", key = ""] = HANDSHAKE_KEY;
      for (const lines of [
        [],
        [version],
        [key],
        [version, "sec-websocket-key: short"],
        ["sec-websocket-version: 99", key],
        [version, key, "sec-websocket-protocol: a,,b"],
        [version, key, "sec-websocket-protocol: yolo, yolo"],
      ]) {
        assertRefused(await ask(handshake(...lines)), "YOLO_REQUEST_INVALID", lines.join(", "));
      }
      assertRefused(await ask(handshake(...HANDSHAKE_KEY, "origin: http://b")), "YOLO_ORIGIN_REFUSED");
      const whole = handshake(...HANDSHAKE_KEY);
      assertRefused(await ask(whole.replace("host: a\r\n", "")), "YOLO_REQUEST_INVALID");
      assertRefused(await ask(whole.replace("GET", "DELETE")), "YOLO_METHOD_UNSUPPORTED");
    });

    it("opens none behind a request that is not yet answered", async () => {
      const answers = await ask(Buffer.concat([post(image), Buffer.from(handshake(...HANDSHAKE_KEY))]));
      assert.equal(answers[0]?.status, 200);
      assertRefused(answers.slice(1), "YOLO_REQUEST_INVALID");
    });

    const garbage: Record<string, Buffer> = {
      "an HTTP request": Buffer.from(INNER),
      "bytes at random": Buffer.from(blocks(20, 20, 7)),
      "a frame without a mask": Buffer.from([0x82, 1, 0]),
      "a reserved bit": maskedFrame(0xc2, Buffer.alloc(1)),
      "an unknown kind of frame": maskedFrame(0x83, Buffer.alloc(1)),
      "an end without a begin": maskedFrame(0x80, Buffer.alloc(1)),
      "a begin within a message": Buffer.concat([
        maskedFrame(0x02, Buffer.alloc(1)),
        maskedFrame(0x82, Buffer.alloc(1)),
      ]),
      "a ping in parts": maskedFrame(0x09, Buffer.alloc(1)),
      "a ping of 126 bytes": maskedFrame(0x89, Buffer.alloc(126)),
      "text that is no UTF-8": maskedFrame(0x81, Buffer.from([0xc3, 0x28])),
      "a close without a whole code": maskedFrame(0x88, Buffer.alloc(1)),
      "a close with a forbidden code": maskedFrame(0x88, Buffer.from([0x03, 0xed])),
      "a frame of 2^53 bytes": maskedFrame(0x82, Buffer.alloc(8), 2 ** 53),
      "a frame larger than a body": maskedFrame(0x82, Buffer.alloc(8), 20_971_521),
    };
    it("closes streams that get garbage, by a code that says so", async () => {
      const started = Object.entries(garbage).map(async ([name, bytes]) => {
        const connection = open().send(handshake(...HANDSHAKE_KEY));
        while (connection.received.length === 0) await sleep(5);
        const [answer] = await connection.send(bytes).answers(BOUND_MS);
        assert.equal(answer?.status, 101, name);
        // The last frame: closing, with a code.
        const [kind, length = 0, high = 0, low = 0] = answer?.body ?? [];
        assert.ok(kind === 0x88 && length >= 2, `${name}: ${answer?.body.toString("hex")}`);
        assert.ok([1002, 1007, 1009].includes(high * 256 + low), `${name}: ${high * 256 + low}`);
      });
      await Promise.all(started);
    });

    it("forgets streams whose client leaves within a frame, or at once", async () => {
      const frame = maskedFrame(0x82, image);
      for (let i = 0; i < 60; i++) {
        const whole = i % 3 === 0;
        const connection = open().send(
          Buffer.concat([Buffer.from(handshake(...HANDSHAKE_KEY)), frame.subarray(0, whole ? frame.length : i * 10)]),
        );
        if (i % 2 === 0) await sleep(10);
        if (i % 5 === 0) connection.end();
        else connection.socket.resetAndDestroy();
      }
    });
  });
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { WebSocket } from "ws";
import type { Detection, ErrorResponse, PredictResponse, StreamMessage } from "../../service/contract.ts";
import { MOST_STREAMS, MOST_STREAMS_EACH } from "../../service/src/routes/stream.ts";
import { blocks } from "./generate.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { modelEntry, png, sha256, slowImage } from "./support.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const PHOTO = join(ROOT, "samples", "street.jpg");

/** A client that sends frames and collects what comes back. */
class Client {
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  #messages: StreamMessage[] = [];
  #next: (() => void) | undefined;

  constructor(url: string, protocols: string[] = [], headers: Record<string, string> = {}, localAddress?: string) {
    this.socket = new WebSocket(url, protocols, { headers, ...(localAddress === undefined ? {} : { localAddress }) });
    this.closed = once(this.socket, "close").then(([code]) => code as number);
    this.socket.on("message", (data: Buffer) => {
      this.#messages.push(JSON.parse(data.toString()));
      this.#next?.();
    });
  }

  async open(): Promise<this> {
    await once(this.socket, "open");
    return this;
  }

  async receive(): Promise<StreamMessage> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#next = resolve));
    return this.#messages.shift() as StreamMessage;
  }

  /** Sends a frame and waits for its answer, which must be a result. */
  async ask(frame: Uint8Array): Promise<Detection[]> {
    this.socket.send(frame);
    const message = await this.receive();
    assert.equal(message.type, "result", JSON.stringify(message));
    return message.type === "result" ? message.image.results : [];
  }
}

/** What a refused handshake is answered. */
async function refusal(
  client: Client,
): Promise<{ status: number; body: ErrorResponse; headers: Record<string, unknown> }> {
  client.socket.on("error", () => {});
  const [, response] = await once(client.socket, "unexpected-response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, body: JSON.parse(text), headers: response.headers };
}

describe("WS /stream", function () {
  this.timeout(120_000);
  let running: RunningApp;
  let address: string;
  const clients: Client[] = [];

  function connect(
    query = "",
    protocols: string[] = [],
    headers: Record<string, string> = {},
    localAddress?: string,
  ): Client {
    const client = new Client(`ws://${address}/stream${query}`, protocols, headers, localAddress);
    clients.push(client);
    return client;
  }

  async function predict(image: Uint8Array, query: string): Promise<PredictResponse["images"][0]> {
    const body = Buffer.from(image);
    const response = await fetch(`http://${address}/predict${query}`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body,
    });
    const { images } = (await response.json()) as PredictResponse;
    return images[0] as PredictResponse["images"][0];
  }

  async function start(more: Record<string, string> = {}): Promise<void> {
    running = await startApp("raw", { MODELS: modelEntry("street", join(ROOT, "models", "street.onnx")), ...more });
    await running.app.listen({ host: "127.0.0.1", port: 0 });
    address = `127.0.0.1:${(running.app.server.address() as AddressInfo).port}`;
  }

  async function stop(): Promise<void> {
    for (const { socket } of clients.splice(0)) socket.terminate();
    await running.close();
  }

  describe("of a service with default settings", () => {
    before(() => start());
    after(stop);
    afterEach(() => {
      for (const { socket } of clients.splice(0)) socket.terminate();
    });

    it("answers a frame as /predict answers the same image, with a number for each object", async () => {
      const photo = await readFile(PHOTO);
      for (const query of ["", "?conf=0.5&max_det=3&normalize=true&decimals=2", "?classes=0,3"]) {
        const client = await connect(query).open();
        client.socket.send(photo);
        const message = await client.receive();
        assert.ok(message.type === "result");
        assert.deepEqual([message.frame, message.skipped], [1, 0]);
        const expected = await predict(photo, query);
        assert.ok(expected.results.length > 0);
        assert.deepEqual(message.image.shape, expected.shape);
        const numbers = message.image.results.map(({ track_id }) => track_id);
        assert.deepEqual(
          message.image.results.map(({ track_id: _, ...rest }) => rest),
          expected.results,
        );
        assert.equal(new Set(numbers).size, numbers.length);
        assert.ok(Object.values(message.image.speed).every((value) => value >= 0));
      }
    });

    it("keeps an object's number while the picture moves, and in no other stream", async () => {
      const frames = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          sharp(PHOTO)
            .extract({ left: i * 5, top: 0, width: 1100, height: 640 })
            .jpeg({ quality: 90 })
            .toBuffer(),
        ),
      );
      const [client, other] = [await connect("?conf=0.5").open(), await connect("?conf=0.5").open()];
      const seen = new Map<number, string>();
      let kept = 0;
      let last = new Set<number>();
      for (const frame of frames) {
        const results = await client.ask(frame);
        const ids = results.flatMap(({ track_id: id, name }) => {
          if (id === undefined) return [];
          assert.equal(seen.get(id) ?? name, name, `number ${id} moved to another class`);
          seen.set(id, name);
          return [id];
        });
        kept += ids.filter((id) => last.has(id)).length;
        last = new Set(ids);
      }
      const most = seen.size;
      assert.ok(last.size >= 3, `${last.size} objects`);
      assert.ok(kept >= 11 * 3, `${kept} were kept`);
      assert.ok(most <= last.size + 6, `${most} numbers for ${last.size} objects`);
      const fresh = (await other.ask(frames[11] as Buffer)).map(({ track_id }) => track_id);
      assert.deepEqual(
        fresh,
        fresh.map((_, i) => i + 1),
      );
    });

    it("gives no numbers with track=false", async () => {
      const client = await connect("?track=false").open();
      const results = await client.ask(await readFile(PHOTO));
      assert.ok(results.length > 0 && results.every(({ track_id }) => track_id === undefined));
    });

    it("skips frames for a client that is faster than the model, and answers the newest", async () => {
      const client = await connect().open();
      const photo = await readFile(PHOTO);
      for (let i = 0; i < 30; i++) client.socket.send(photo);
      const answers: StreamMessage[] = [];
      while (answers.at(-1)?.frame !== 30) answers.push(await client.receive());
      const skipped = answers.reduce((sum, answer) => sum + (answer.type === "result" ? answer.skipped : 0), 0);
      assert.equal(answers.length + skipped, 30);
      assert.ok(skipped > 0);
    });

    it("answers a bad frame with its code and goes on", async () => {
      const client = await connect().open();
      client.socket.send(Buffer.from("this is no image"));
      const message = await client.receive();
      assert.ok(message.type === "error");
      assert.equal(message.error.code, "YOLO_IMAGE_UNREADABLE");
      assert.ok((await client.ask(await readFile(PHOTO))).length > 0);
    });

    it("refuses wrong parameters before it upgrades, all at once", async () => {
      const { status, body, headers } = await refusal(connect("?conf=2&track=maybe&source=http://a/b&colour=red"));
      assert.equal(status, 400);
      assert.equal(body.error.code, "YOLO_PARAMETER_INVALID");
      for (const name of ["track", "source", "conf", "colour"]) assert.ok(body.error.message.includes(name), name);
      assert.equal(headers["x-request-id"], body.error.requestId);
      assert.equal((await refusal(connect("?track=true&track=true"))).status, 400);
      assert.equal((await refusal(connect("?model=other"))).body.error.code, "YOLO_MODEL_UNKNOWN");
    });

    it("answers a request that is no handshake, and ignores other upgrades", async () => {
      const response = await fetch(`http://${address}/stream`);
      assert.equal(response.status, 400);
      assert.equal(((await response.json()) as ErrorResponse).error.code, "YOLO_REQUEST_INVALID");
      // Java's HttpClient offers HTTP/2 like this with every request.
      for (const [upgrade, path] of [
        ["h2c", "/health/ready"],
        ["websocket", "/health/ready"],
      ] as const) {
        const headers = {
          connection: "Upgrade, HTTP2-Settings",
          upgrade,
          "http2-settings": "AAMAAABkAARAAAAAAAIAAAAA",
        };
        const sent = request(`http://${address}${path}`, { headers }).end();
        const [answer] = await once(sent, "response");
        answer.resume();
        assert.equal(answer.statusCode, 200, upgrade);
      }
    });

    it("refuses a page of another origin, and takes the service's own and programs", async () => {
      const { status, body } = await refusal(connect("", [], { origin: "https://evil.example" }));
      assert.deepEqual([status, body.error.code], [403, "YOLO_ORIGIN_REFUSED"]);
      await connect("", [], { origin: `http://${address}` }).open();
      await connect().open();
    });

    it("agrees to the protocol yolo", async () => {
      assert.equal((await connect("", ["other", "yolo"]).open()).socket.protocol, "yolo");
    });

    it("takes a bounded number of streams of each caller, and in all", async () => {
      const from = (caller: number) => connect("", [], {}, `127.0.0.${caller}`);
      const callers = Array.from({ length: MOST_STREAMS }, (_, each) => 1 + Math.floor(each / MOST_STREAMS_EACH));
      const own = await Promise.all(callers.slice(0, MOST_STREAMS_EACH).map((caller) => from(caller).open()));
      const refused = await refusal(from(1));
      assert.deepEqual([refused.status, refused.body.error.code], [503, "YOLO_QUEUE_FULL"]);
      assert.ok(refused.body.error.message.includes(`${MOST_STREAMS_EACH} streams`));
      const others = await Promise.all(callers.slice(MOST_STREAMS_EACH).map((caller) => from(caller).open()));
      const open = [...own, ...others];
      const { status, body, headers } = await refusal(from(99));
      assert.deepEqual([status, body.error.code], [503, "YOLO_QUEUE_FULL"]);
      assert.ok(headers["retry-after"] !== undefined);
      const metrics = await (await fetch(`http://${address}/metrics`)).text();
      assert.match(metrics, new RegExp(`^yolo_streams ${MOST_STREAMS}$`, "m"));
      open[0]?.socket.close();
      await open[0]?.closed;
      await connect().open();
    });

    it("serves streams in turn while one of them floods it", async () => {
      const photo = await readFile(PHOTO);
      const [greedy, modest] = [await connect().open(), await connect().open()];
      const flood = setInterval(() => greedy.socket.send(photo), 5);
      try {
        let greedyAnswers = 0;
        greedy.socket.on("message", () => greedyAnswers++);
        for (let i = 0; i < 8; i++) await modest.ask(photo);
        assert.ok(greedyAnswers <= 18, `${greedyAnswers} answers to the greedy one for 8 to the modest one`);
      } finally {
        clearInterval(flood);
      }
    });
  });

  describe("of a service with other settings", () => {
    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "yolo-stream-"));
    });
    after(() => rm(folder, { recursive: true, force: true }));
    afterEach(stop);

    it("asks for a key, in a header or as a protocol", async () => {
      const keys = join(folder, "keys");
      await writeFile(keys, `page:${sha256(Buffer.from("open-sesame"))}\n`);
      await start({ API_KEYS_FILE: keys });
      const { status, body } = await refusal(connect("", ["yolo", "key.wrong"]));
      assert.deepEqual([status, body.error.code], [401, "YOLO_KEY_INVALID"]);
      assert.equal((await connect("", ["yolo", "key.open-sesame"]).open()).socket.protocol, "yolo");
      await connect("", [], { "x-api-key": "open-sesame" }).open();
    });

    it("ends a stream whose key is taken away, at its next frame", async () => {
      const keys = join(folder, "changing-keys");
      const line = (name: string) => `${name}:${sha256(Buffer.from(name))}\n`;
      await writeFile(keys, line("kept") + line("taken"));
      await start({ API_KEYS_FILE: keys });
      const photo = await readFile(PHOTO);
      const [kept, taken] = await Promise.all(
        ["kept", "taken"].map((key) => connect("", [], { "x-api-key": key }).open()),
      );
      assert.ok(kept !== undefined && taken !== undefined);
      await Promise.all([kept.ask(photo), taken.ask(photo)]);
      await writeFile(keys, line("kept"));
      const answerWith = (key: string) => fetch(`http://${address}/info`, { headers: { "x-api-key": key } });
      while ((await answerWith("taken")).status !== 401) await new Promise((resolve) => setTimeout(resolve, 100));
      taken.socket.send(photo);
      const message = await taken.receive();
      assert.ok(message.type === "error" && message.error.code === "YOLO_KEY_INVALID", JSON.stringify(message));
      assert.equal(await taken.closed, 1008);
      await kept.ask(photo);
    });

    it("takes frames from the same limit of a minute as requests", async () => {
      await start({ RATE_LIMIT_PER_MINUTE: "3" });
      const client = await connect("?track=false").open();
      const photo = await readFile(PHOTO);
      await client.ask(photo);
      await client.ask(photo);
      client.socket.send(photo);
      const message = await client.receive();
      assert.ok(message.type === "error" && message.error.code === "YOLO_RATE_LIMITED", JSON.stringify(message));
      const response = await fetch(`http://${address}/info`);
      assert.equal(response.status, 429);
    });

    it("closes with 1009 for a frame above the limit for bodies, and takes one at it", async () => {
      const photo = await sharp(PHOTO).resize(300).jpeg().toBuffer();
      await start({ BODY_LIMIT_BYTES: String(photo.length) });
      const client = await connect().open();
      await client.ask(photo);
      client.socket.send(Buffer.concat([photo, Buffer.of(0)]));
      assert.equal(await client.closed, 1009);
    });

    it("answers the frame that is worked on when it stops, and closes with 1012", async () => {
      await start({ MODELS: modelEntry("street", join(ROOT, "models", "street.onnx")) });
      const client = await connect().open();
      client.socket.send(await slowImage());
      await new Promise((resolve) => setTimeout(resolve, 150));
      const closing = running.app.close();
      assert.equal((await client.receive()).type, "result");
      assert.equal(await client.closed, 1012);
      await closing;
    });

    it("numbers what models of other tasks find, and scales all their coordinates", async () => {
      const models = ["segment-raw", "pose-raw", "obb-raw", "classify"].map((name) =>
        modelEntry(name, join(ROOT, "test", "fixtures", `colours-${name}.onnx`)),
      );
      await start({ MODELS: models.join(",") });
      const image = await png(blocks(300, 200, 3), 300, 200);
      for (const name of ["segment-raw", "pose-raw", "obb-raw", "classify"]) {
        const client = await connect(`?model=${name}`).open();
        const first = await client.ask(image);
        const second = await client.ask(image);
        const { results } = await predict(image, `?model=${name}`);
        assert.ok(results.length > 0, name);
        assert.deepEqual(first, second);
        assert.deepEqual(
          first.map(({ track_id: _, ...rest }) => rest),
          results,
        );
        const numbered = name !== "classify";
        assert.ok(
          first.every(({ track_id }) => (track_id !== undefined) === numbered),
          name,
        );
        client.socket.close();
      }
    });
  });
});

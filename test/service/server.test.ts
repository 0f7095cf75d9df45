import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorResponse, METRICS, PATHS, type PredictResponse } from "../../service/contract.ts";
import { blocks } from "./generate.ts";
import { Server } from "./server-process.ts";
import { environment, modelEntry, png, slowImage } from "./support.ts";

const PNG = { "content-type": "image/png" };

describe("server", () => {
  const servers: Server[] = [];
  const start = (...args: ConstructorParameters<typeof Server>) => {
    const server = new Server(...args);
    servers.push(server);
    return server;
  };
  const info = (more: Record<string, string> = {}) => environment("raw", { LOG_LEVEL: "info", ...more });
  let folder: string;
  let image: Buffer;
  let slow: Buffer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-server-"));
    image = await png(blocks(100, 80, 21), 100, 80);
    slow = await slowImage();
  });
  after(() => rm(folder, { recursive: true, force: true }));
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.process.kill("SIGKILL");
      await server.exit;
    }
  });

  const post = (url: string, body: Buffer, headers: Record<string, string> = PNG) => {
    return fetch(url + PATHS.predict, { method: "POST", headers, body: new Uint8Array(body) });
  };
  const codeOf = async (answer: Response) => ((await answer.json()) as ErrorResponse).error.code;

  it("answers probes from the start, gets ready, detects, and logs no probe and no image", async () => {
    const server = start(info());
    const url = await server.url();
    assert.equal((await fetch(url + PATHS.live)).status, 200);
    await server.ready();
    assert.equal((await fetch(url + PATHS.startup)).status, 200);
    const answer = await post(url, image, { ...PNG, "x-request-id": "find-me" });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-request-id"), "find-me");
    const { images } = (await answer.json()) as PredictResponse;
    assert.ok((images[0]?.results.length ?? 0) > 0);
    // The line follows the answer.
    while (!server.output.includes("answered")) await sleep(5);
    const logged = server.output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const [line] = logged.filter(({ msg }) => msg === "answered");
    assert.deepEqual([line?.requestId, line?.route, line?.status], ["find-me", PATHS.predict, 200]);
    assert.equal(logged.filter(({ msg }) => msg === "answered").length, 1);
  });

  it("answers bad images and bad requests with an error of the table, and goes on", async () => {
    const server = start(info({ PIXEL_LIMIT: "1000000" }));
    const url = await server.ready();
    assert.equal(await codeOf(await post(url, image.subarray(0, 60))), "YOLO_IMAGE_UNREADABLE");
    assert.equal(await codeOf(await post(url, Buffer.alloc(0))), "YOLO_IMAGE_EMPTY");
    assert.equal(await codeOf(await post(url, Buffer.from("text"))), "YOLO_IMAGE_UNREADABLE");
    assert.equal(await codeOf(await post(url, slow)), "YOLO_IMAGE_TOO_LARGE");
    assert.equal(await codeOf(await post(url, image, { "content-type": "text/plain" })), "YOLO_MEDIA_TYPE_UNSUPPORTED");
    for (const [text, code] of [
      ["nonsense\r\n\r\n", "YOLO_REQUEST_INVALID"],
      [`GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, "YOLO_HEADERS_TOO_LARGE"],
    ] as const) {
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      socket.end(text);
      let received = "";
      for await (const chunk of socket) received += chunk;
      const { error } = JSON.parse(received.split("\r\n\r\n")[1] ?? "") as ErrorResponse;
      assert.equal(error.code, code);
    }
    assert.equal((await post(url, image)).status, 200);
  });

  it("answers 503 with Retry-After when the queue is full, and stays alive and ready", async () => {
    const server = start(info({ QUEUE_LIMIT: "1" }));
    const url = await server.ready();
    const answers = await Promise.all(Array.from({ length: 6 }, () => post(url, slow)));
    const refused = answers.filter(({ status }) => status === 503);
    assert.equal(refused.length, 4);
    assert.equal(answers.filter(({ status }) => status === 200).length, 2);
    for (const answer of refused) {
      assert.equal(answer.headers.get("retry-after"), "1");
      assert.equal(await codeOf(answer), "YOLO_QUEUE_FULL");
    }
    const probes = [PATHS.live, PATHS.ready].map(async (path) => (await fetch(url + path)).status);
    assert.deepEqual(await Promise.all(probes), [200, 200]);
  });

  it("forgets a waiting request whose caller leaves", async () => {
    const server = start(info());
    const url = await server.ready();
    const running = post(url, slow);
    const caller = new AbortController();
    const depth = async () =>
      new RegExp(`^${METRICS.queueDepth} (\\d+)$`, "m").exec(await (await fetch(url + PATHS.metrics)).text())?.[1];
    const body = new Uint8Array(image);
    const left = fetch(url + PATHS.predict, { method: "POST", headers: PNG, body, signal: caller.signal }).catch(
      () => "left",
    );
    while ((await depth()) !== "1") await sleep(5);
    caller.abort();
    assert.equal(await left, "left");
    while ((await depth()) !== "0") await sleep(5);
    assert.equal((await running).status, 200);
  });

  it("answers a request whose worker is killed, by the worker that replaces it", async () => {
    const killer = join(folder, "killer.mjs");
    // Runs inside the server before it: ends its first worker when told to.
    await writeFile(
      killer,
      'let first; process.on("worker", (w) => { first ??= w; }); process.on("SIGUSR2", () => first.terminate());',
    );
    const server = start(info({ NODE_OPTIONS: `--import=${killer}` }));
    const url = await server.ready();
    const running = post(url, slow);
    const flying = async () => (await (await fetch(url + PATHS.metrics)).text()).includes(`\n${METRICS.inFlight} 1\n`);
    while (!(await flying())) await sleep(5);
    server.process.kill("SIGUSR2");
    assert.equal((await running).status, 200);
    assert.match(await (await fetch(url + PATHS.metrics)).text(), new RegExp(`^${METRICS.workerRestarts} 1$`, "m"));
    assert.match(server.output, /an inference worker died/);
  });

  it("loses no request when told to stop under load, and exits with 0", async () => {
    const server = start(info({ WORKERS: "2" }));
    const url = await server.ready();
    const codes: number[] = [];
    let lost = 0;
    let stopping = false;
    // Callers that keep connections open, as load balancers do, and that stay for a moment after the signal.
    const agents = Array.from({ length: 6 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const call = (agent: Agent) =>
      new Promise<void>((resolve) => {
        const sent = request(
          url + PATHS.predict,
          { method: "POST", agent, headers: { ...PNG, "content-length": image.length } },
          (answer) => {
            codes.push(answer.statusCode ?? 0);
            if (stopping) assert.equal(answer.headers.connection, "close");
            answer.resume().on("close", resolve);
          },
        );
        sent.on("error", () => {
          lost++;
          resolve();
        });
        sent.end(image);
      });
    const until = Date.now() + 1500;
    const load = agents.map(async (agent) => {
      while (Date.now() < until) await call(agent);
      agent.destroy();
    });
    await sleep(500);
    server.process.kill("SIGTERM");
    while ((await fetch(url + PATHS.ready)).status !== 503) await sleep(5);
    stopping = true;
    await Promise.all(load);
    assert.equal(lost, 0);
    assert.ok(codes.length > 20);
    assert.deepEqual([...new Set(codes)], [200]);
    assert.equal((await server.exit)[0], 0);
    await assert.rejects(fetch(url));
  });

  it("finishes a request that runs when told to stop", async () => {
    const server = start(info());
    const url = await server.ready();
    const running = post(url, slow);
    await sleep(50);
    server.process.kill("SIGTERM");
    assert.equal((await running).status, 200);
    assert.equal((await server.exit)[0], 0);
  });

  it("writes nothing outside its temporary folder, and so reports nothing to the makers of its parts", async () => {
    const home = await mkdtemp(join(folder, "home-"));
    const server = start(info({ HOME: home }));
    const url = await server.ready();
    assert.equal((await post(url, image)).status, 200);
    server.process.kill("SIGTERM");
    assert.equal((await server.exit)[0], 0);
    assert.deepEqual(await readdir(home), []);
  });

  it("ends at once at the second signal", async () => {
    const server = start(info());
    await server.ready();
    server.process.kill("SIGTERM");
    while (!server.output.includes("draining")) await sleep(5);
    server.process.kill("SIGTERM");
    assert.equal((await server.exit)[0], 1);
    assert.doesNotMatch(server.output, /drained/);
  });

  describe("with a model that runs for a tenth of a second", () => {
    const street = {
      MODELS: modelEntry("street", join(import.meta.dirname, "../../models/street.onnx")),
      WORKERS: "2",
    };

    it("ends cleanly wherever it is in its start", async function () {
      this.timeout(120_000);
      for (let ms = 0; ms < 800; ms += 200) {
        const server = start(info(street));
        await server.url();
        await sleep(ms);
        server.process.kill("SIGTERM");
        assert.deepEqual(await server.exit, [0, null], `after ${ms} ms: ${server.output}`);
      }
    });

    it("ends cleanly while models run", async function () {
      this.timeout(120_000);
      const photo = await readFile(join(import.meta.dirname, "../../samples/street.jpg"));
      const server = start(info(street));
      const url = await server.ready();
      const lost = Array.from({ length: 8 }, () => post(url, photo).catch(() => undefined));
      await sleep(200);
      server.process.kill("SIGTERM");
      while (!server.output.includes("draining")) await sleep(5);
      server.process.kill("SIGTERM");
      assert.deepEqual(await server.exit, [1, null], server.output);
      await Promise.all(lost);
    });
  });
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { makeModel } from "../../bench/service/model.ts";
import { METRICS, PATHS, type PredictResponse, type StreamMessage } from "../../service/contract.ts";
import { blocks, noise } from "./generate.ts";
import { encodeForm } from "./predict-request.ts";
import { Server } from "./server-process.ts";
import { environment, FIXTURES, modelEntry, modelPath, png } from "./support.ts";

/** Longest that the main thread may be busy with one thing, in milliseconds. */
const BLOCK_LIMIT_MS = 50;

/** Says on SIGUSR2 how long the main thread was busy at most between two turns of a fast timer, since it was last asked. */
const METER = `import { isMainThread } from "node:worker_threads";
if (isMainThread) {
  const busy = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000; };
  let last = busy(), most = 0;
  setInterval(() => { const now = busy(); most = Math.max(most, now - last); last = now; }, 2).unref();
  process.on("SIGUSR2", () => { console.log("longest " + most); most = 0; });
}`;

describe("metrics and logs of a running service", () => {
  let folder: string;
  let image: Uint8Array<ArrayBuffer>;
  let server: Server;
  let url: string;
  const start = async (more: Record<string, string>) => {
    server = new Server(environment("raw", { LOG_LEVEL: "info", ...more }));
    url = await server.ready();
  };
  const post = (headers: Record<string, string> = {}, path = "") => {
    const all = { "content-type": "image/png", ...headers };
    return fetch(url + PATHS.predict + path, { method: "POST", headers: all, body: image });
  };
  const metrics = async () => (await fetch(url + PATHS.metrics)).text();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-telemetry-"));
    image = new Uint8Array(await png(blocks(120, 80, 21), 120, 80));
  });
  afterEach(async () => {
    server.process.kill("SIGKILL");
    await server.exit;
  });
  after(() => rm(folder, { recursive: true }));

  it("count and time requests by route, and runs by model", async () => {
    await start({ MODELS: [modelEntry("first", modelPath("raw")), modelEntry("second", modelPath("dynamic"))].join() });
    assert.equal((await post()).status, 200);
    assert.equal((await post({}, "?model=second")).status, 200);
    assert.equal((await post({ "content-type": "text/plain" })).status, 415);
    const text = await metrics();
    for (const name of Object.values(METRICS)) assert.match(text, new RegExp(`^# TYPE ${name} `, "m"), name);
    for (const series of [
      `${METRICS.requests}{route="/predict",code="200"} 2`,
      `${METRICS.requests}{route="/predict",code="415"} 1`,
      `${METRICS.requestDuration}_count{route="/predict"} 3`,
      `${METRICS.queueWait}_count 2`,
      `${METRICS.batchSize}_count{model="second"} 1`,
      `${METRICS.inFlight} 0`,
      `${METRICS.streams} 0`,
      `${METRICS.workerRestarts} 0`,
    ]) {
      assert.ok(text.includes(`\n${series}\n`), `${series} in:\n${text}`);
    }
    for (const model of ["first", "second"]) {
      assert.match(text, new RegExp(`^${METRICS.stageDuration}_count\\{[^}]*model="${model}"[^}]*\\} 1$`, "m"));
      assert.match(text, new RegExp(`^${METRICS.detections}\\{[^}]*model="${model}"[^}]*\\} \\d+$`, "m"));
      assert.match(
        text,
        new RegExp(`^${METRICS.modelInfo}\\{model="${model}",sha256="\\w{64}",task="detect",.*\\} 1$`, "m"),
      );
    }
    assert.match(text, /^nodejs_eventloop_lag_p99_seconds \d/m);
  });

  it("have no more series after a thousand different paths, queries, methods and request ids", async () => {
    await start({});
    const series = async () => (await metrics()).split("\n").filter((line) => /^yolo_requests/.test(line)).length;
    await fetch(`${url}/nothing`);
    await post({ "x-request-id": "first" });
    await fetch(url + PATHS.predict, { method: "PUT" });
    await metrics();
    const before = await series();
    for (let each = 0; each < 1000; each++) {
      await fetch(`${url}/nothing/${each}?${each}`, {
        method: each % 2 ? "GET" : "DELETE",
        headers: { "x-request-id": `${each}` },
      });
    }
    assert.equal(await series(), before);
  });

  it("log each answer with its request id, key and model, and nothing that is secret or of the image", async () => {
    const keys = join(folder, "api-keys");
    const digest = createHash("sha256").update("secret-key").digest("hex");
    await writeFile(keys, `web:${digest}`);
    await start({ API_KEYS_FILE: keys, LOG_LEVEL: "trace" });
    const headers = { "x-request-id": "find-me", "x-api-key": "secret-key", cookie: "secret-cookie" };
    assert.equal((await post(headers, "?conf=0.31")).status, 200);
    assert.equal((await post({ authorization: "Bearer secret-other" }, "?source=secret-source")).status, 401);
    while (server.output.split('"answered"').length < 3) await sleep(5);
    const lines = server.output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const [good, bad] = lines.filter(({ msg }) => msg === "answered");
    const { requestId, method, route, status, key, models, runs, milliseconds } = good ?? {};
    assert.deepEqual(
      { requestId, method, route, status, key, models, runs },
      {
        requestId: "find-me",
        method: "POST",
        route: "/predict",
        status: 200,
        key: "web",
        models: ["colours"],
        runs: 1,
      },
    );
    assert.ok(typeof milliseconds === "number" && milliseconds > 0);
    assert.deepEqual([bad?.status, bad?.key], [401, undefined]);
    const encoded = Buffer.from(image);
    for (const hidden of ["secret", digest, "0.31", encoded.toString("base64").slice(0, 40), "PNG", "IHDR"]) {
      assert.ok(!server.output.includes(hidden), hidden);
    }
  });

  // Measured by the processor time that passes between two turns of a fast timer: time in which the thread did not run,
  // because others had the processor, is none that it blocked. Waiting in a system call would not be seen.
  describe(`never block the main thread for more than ${BLOCK_LIMIT_MS} ms`, () => {
    let meter: string;
    before(async () => {
      meter = join(folder, "meter.mjs");
      await writeFile(meter, METER);
    });
    const longest = async () => {
      const known = server.output.split("longest ").length;
      server.process.kill("SIGUSR2");
      while (server.output.split("longest ").length === known) await sleep(5);
      return Number(server.output.split("longest ").at(-1)?.split("\n")[0]);
    };

    it("under load of photos", async () => {
      await start({ NODE_OPTIONS: `--import=${meter}`, WORKERS: "2", LOG_LEVEL: "info" });
      const photo = new Uint8Array(await png(blocks(1600, 1200, 3), 1600, 1200));
      assert.ok((await longest()) > 0, "starting takes time, which the meter sees");
      const until = Date.now() + 3000;
      let answered = 0;
      const load = Array.from({ length: 16 }, async () => {
        while (Date.now() < until) {
          const headers = { "content-type": "image/png" };
          const answer = await fetch(url + PATHS.predict, { method: "POST", headers, body: photo });
          await answer.arrayBuffer();
          if (answer.ok) answered++;
        }
      });
      await Promise.all([...load, metrics()]);
      assert.ok(answered >= 16, String(answered));
      const most = await longest();
      assert.ok(most < BLOCK_LIMIT_MS, `${most} ms`);
      assert.match(await metrics(), /^nodejs_eventloop_lag_max_seconds 0\.\d+/m);
    });

    it("by forms of many images with many objects, outlines of masks, tensors and streams", async () => {
      const limits = { REQUEST_TIMEOUT_MS: "60000", WORKERS: "2", LOG_LEVEL: "info" };
      const tensors = join(folder, "tensors.onnx");
      await writeFile(tensors, makeModel().content);
      const models = [
        modelEntry("dynamic", modelPath("dynamic")),
        modelEntry("segment", join(FIXTURES, "colours-segment-raw.onnx")),
        modelEntry("tensors", tensors),
      ];
      await start({ NODE_OPTIONS: `--import=${meter}`, MODELS: models.join(), ...limits });
      // As many objects as a model answers with, when it looks from so near.
      const cells = { raw: { width: 16, height: 16, channels: 3 } } as const;
      const photo = await sharp(noise(16, 16, 5), cells)
        .resize(640, 640, { kernel: "nearest" })
        .png()
        .toBuffer();
      const most = [
        ["conf", "0.01"],
        ["iou", "0.95"],
      ] as const;
      const kinds = {
        form: async () => {
          const files = Array.from({ length: 64 }, () => ["file", photo] as const);
          const { payload, type } = await encodeForm([...files, ...most, ["imgsz", "320"]]);
          const headers = { "content-type": type };
          const answer = await fetch(url + PATHS.predict, { method: "POST", headers, body: new Uint8Array(payload) });
          const { images } = (await answer.json()) as PredictResponse;
          assert.ok(images.length === 64 && images.every(({ results }) => results.length === 300));
        },
        masks: async () => {
          const { payload, type } = await encodeForm([["file", photo], ["model", "segment"], ...most]);
          const headers = { "content-type": type };
          const answer = await fetch(url + PATHS.predict, { method: "POST", headers, body: new Uint8Array(payload) });
          assert.equal(answer.status, 200);
          await answer.arrayBuffer();
        },
        tensors: async () => {
          const bytes = 3 * 640 * 640 * 4;
          const input = {
            name: "images",
            datatype: "FP32",
            shape: [1, 3, 640, 640],
            parameters: { binary_data_size: bytes },
          };
          for (const binary of [true, false]) {
            const parameters = { binary_data_output: binary };
            const head = Buffer.from(JSON.stringify({ inputs: [input], parameters }));
            const headers = { "inference-header-content-length": String(head.length) };
            const body = new Uint8Array(Buffer.concat([head, Buffer.alloc(bytes)]));
            const answer = await fetch(`${url}/v2/models/tensors/infer`, { method: "POST", headers, body });
            assert.equal(answer.status, 200);
            await answer.arrayBuffer();
          }
          assert.match(
            await metrics(),
            new RegExp(`^${METRICS.stageDuration}_count\\{model="tensors",stage="inference"\\} [1-9]`, "m"),
          );
        },
        stream: async () => {
          const stream = new WebSocket(`${url.replace("http", "ws")}${PATHS.stream}?conf=0.01&iou=0.95&imgsz=320`);
          await once(stream, "open");
          for (let frame = 0; frame < 5; frame++) {
            stream.send(photo);
            const [{ data }] = (await once(stream, "message")) as [MessageEvent];
            const message = JSON.parse(data) as StreamMessage;
            assert.ok(message.type === "result" && message.image.results.length === 300, data.slice(0, 200));
          }
          stream.close();
        },
      };
      for (const [kind, run] of Object.entries(kinds)) {
        await longest();
        for (let each = 0; each < 2; each++) await run();
        const took = await longest();
        assert.ok(took < BLOCK_LIMIT_MS, `${kind}: ${took} ms`);
      }
    });
  });
});

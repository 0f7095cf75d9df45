import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { RequestError, StartError } from "../../service/src/errors.ts";
import { Pool, type PoolOptions } from "../../service/src/inference/pool.ts";
import { blocks } from "./generate.ts";
import { environment, png, slowImage } from "./support.ts";

const SELECTION = { conf: 0.25, iou: 0.7, maxDet: 300 };
const FOREVER = new AbortController().signal;

function options(more: Partial<PoolOptions> = {}): PoolOptions {
  const { MODEL_PATH = "", MODEL_SHA256 = "" } = environment("raw");
  const worker = { modelPath: MODEL_PATH, modelSha256: MODEL_SHA256, threads: 1, pixelLimit: 50_000_000 };
  return { workers: 1, queueLimit: 8, timeoutMs: 30_000, worker, ...more };
}

function codeOf(code: string) {
  return (error: unknown) => error instanceof RequestError && error.code === code;
}

describe("Pool", () => {
  // Node tells of every worker thread that is created: a way to the real workers without a door in the pool.
  const workers: Worker[] = [];
  const remember = (worker: Worker) => workers.push(worker);
  let pool: Pool | undefined;
  let slow: Buffer;
  let quick: Buffer;
  before(async () => {
    process.on("worker", remember);
    slow = await slowImage();
    quick = await png(blocks(60, 60, 1), 60, 60);
  });
  after(() => process.off("worker", remember));
  beforeEach(() => workers.splice(0));
  afterEach(async () => {
    pool?.close();
    await Promise.all(workers.filter(({ threadId }) => threadId >= 0).map((worker) => once(worker, "exit")));
  });

  it("answers many requests, each with its own result, in any number of workers", async () => {
    pool = await Pool.start(options({ workers: 2, queueLimit: 40 }));
    const sizes = Array.from({ length: 30 }, (_, i) => 20 + i);
    const images = await Promise.all(sizes.map((size) => png(blocks(size, 30, size), size, 30)));
    const found = await Promise.all(images.map((image) => pool?.detect(image, SELECTION, FOREVER)));
    assert.deepEqual(
      found.map((findings) => findings?.width),
      sizes,
    );
  });

  it("refuses a request when as many as allowed are waiting, and takes the next when one is done", async () => {
    pool = await Pool.start(options({ queueLimit: 1 }));
    const running = pool.detect(slow, SELECTION, FOREVER);
    const waiting = pool.detect(quick, SELECTION, FOREVER);
    assert.equal(pool.queueDepth, 1);
    await assert.rejects(pool.detect(quick, SELECTION, FOREVER), codeOf("YOLO_QUEUE_FULL"));
    await Promise.all([running, waiting]);
    await pool.detect(quick, SELECTION, FOREVER);
  });

  it("lets no request wait when the limit is zero, but serves one at a time", async () => {
    pool = await Pool.start(options({ queueLimit: 0 }));
    await pool.detect(quick, SELECTION, FOREVER);
    const running = pool.detect(slow, SELECTION, FOREVER);
    await assert.rejects(pool.detect(quick, SELECTION, FOREVER), codeOf("YOLO_QUEUE_FULL"));
    await running;
  });

  it("gives up a request that waits or runs too long, and the worker stays usable", async () => {
    pool = await Pool.start(options({ timeoutMs: 60 }));
    const late = Promise.allSettled([pool.detect(slow, SELECTION, FOREVER), pool.detect(quick, SELECTION, FOREVER)]);
    for (const each of await late) assert.ok(each.status === "rejected" && codeOf("YOLO_REQUEST_TIMEOUT")(each.reason));
    assert.equal(pool.queueDepth, 0);
    while (!(await pool.detect(quick, SELECTION, FOREVER).catch(() => undefined))) await sleep(20);
    assert.equal(workers.length, 1);
  });

  it("drops a waiting request whose caller is gone", async () => {
    pool = await Pool.start(options());
    const running = pool.detect(slow, SELECTION, FOREVER);
    const caller = new AbortController();
    const waiting = pool.detect(quick, SELECTION, caller.signal);
    caller.abort();
    await assert.rejects(waiting, { name: "AbortError" });
    await assert.rejects(pool.detect(quick, SELECTION, caller.signal), { name: "AbortError" });
    assert.equal(pool.queueDepth, 0);
    await running;
  });

  it("replaces a worker that dies, and answers its request by the next one", async () => {
    const restarts: string[] = [];
    pool = await Pool.start(options({ onRestart: (reason) => restarts.push(reason) }));
    const running = pool.detect(slow, SELECTION, FOREVER);
    const waiting = pool.detect(quick, SELECTION, FOREVER);
    await workers[0]?.terminate();
    assert.equal((await running).width, 6000);
    assert.equal((await waiting).width, 60);
    assert.equal(restarts.length, 1);
    assert.equal(workers.length, 2);
  });

  it("fails a request that two workers died with, and serves the others", async () => {
    pool = await Pool.start(options());
    const running = pool.detect(slow, SELECTION, FOREVER);
    const waiting = pool.detect(quick, SELECTION, FOREVER);
    const outcome = running.then(
      () => undefined,
      (error: unknown) => error,
    );
    await workers[0]?.terminate();
    assert.equal(pool.available, false);
    while (!pool.available) await sleep(5);
    await workers[1]?.terminate();
    assert.ok(codeOf("YOLO_INTERNAL")(await outcome));
    assert.equal((await waiting).width, 60);
  });

  describe("answers", () => {
    const { now } = performance;
    // As if the last inference had been a minute ago.
    const age = () => {
      performance.now = () => now.call(performance) + 60_000;
    };
    afterEach(() => {
      performance.now = now;
    });

    it("does not call a long queue a failure: its own inference passes the queue", async () => {
      pool = await Pool.start(options({ queueLimit: 40 }));
      const work = Array.from({ length: 5 }, () => pool?.detect(slow, SELECTION, FOREVER));
      age();
      assert.equal(await pool.answers(), true);
      assert.ok(pool.queueDepth >= 2, "most of the queue is still there");
      await Promise.all(work);
    });

    it("does not trouble the workers after a recent inference", async () => {
      pool = await Pool.start(options());
      const running = pool.detect(slow, SELECTION, FOREVER);
      const first = await Promise.race([pool.answers(), running]);
      assert.equal(first, true);
      await running;
    });

    it("fails when no worker can be started any more", async () => {
      const folder = await mkdtemp(join(tmpdir(), "yolo-pool-"));
      try {
        const { worker } = options();
        const modelPath = join(folder, "model.onnx");
        await copyFile(worker.modelPath, modelPath);
        pool = await Pool.start(options({ worker: { ...worker, modelPath } }));
        await rm(modelPath);
        await workers[0]?.terminate();
        age();
        assert.equal(await pool.answers(), false);
        assert.equal(pool.available, false);
        await copyFile(worker.modelPath, modelPath);
        while (!(await pool.answers())) await sleep(20);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });

  it("says why a worker cannot start", async () => {
    const wrong = options();
    wrong.worker = { ...wrong.worker, modelSha256: "0".repeat(64) };
    await assert.rejects(Pool.start(wrong), (error) => error instanceof StartError && /SHA-256/.test(error.message));
  });

  it("fails what waits when it is closed", async () => {
    pool = await Pool.start(options());
    const lost = Promise.allSettled([pool.detect(slow, SELECTION, FOREVER), pool.detect(quick, SELECTION, FOREVER)]);
    pool.close();
    for (const each of await lost) assert.ok(each.status === "rejected" && codeOf("YOLO_NOT_READY")(each.reason));
  });
});

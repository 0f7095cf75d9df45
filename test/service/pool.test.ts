import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "../../service/src/errors.ts";
import type { RawTensor } from "../../service/src/inference/messages.ts";
import { Pool } from "../../service/src/inference/pool.ts";
import { endThreads } from "../../service/src/inference/slot.ts";
import { readModel } from "../../service/src/model/model.ts";
import { blocks } from "./generate.ts";
import { codeOf, FOREVER, MODEL, OPTIONS, options, watch, watchWorkers } from "./pool-fixture.ts";
import { modelPath, png, sha256, slowImage } from "./support.ts";

/** A model that runs for a tenth of a second. */
const STREET = join(import.meta.dirname, "../../models/street.onnx");

describe("Pool", () => {
  const { workers, use } = watchWorkers();
  let pool: Pool | undefined;
  let slow: Buffer;
  let quick: Buffer;
  const street = { name: MODEL, path: STREET, sha256: sha256(readFileSync(STREET)) };
  before(async () => {
    slow = await slowImage();
    quick = await png(blocks(60, 60, 1), 60, 60);
  });
  it("answers many requests, each with its own result, in any number of workers", async () => {
    pool = use(await Pool.start(options({ workers: 2, queueLimit: 40 })));
    const sizes = Array.from({ length: 30 }, (_, i) => 20 + i);
    const images = await Promise.all(sizes.map((size) => png(blocks(size, 30, size), size, 30)));
    const found = await Promise.all(images.map((image) => pool?.detect(MODEL, image, OPTIONS, FOREVER)));
    assert.deepEqual(
      found.map((findings) => findings?.width),
      sizes,
    );
  });

  it("refuses a request when as many as allowed are waiting, and takes the next when one is done", async () => {
    pool = use(await Pool.start(options({ queueLimit: 1 })));
    const running = pool.detect(MODEL, slow, OPTIONS, FOREVER);
    const waiting = pool.detect(MODEL, quick, OPTIONS, FOREVER);
    assert.equal(pool.queueDepth, 1);
    await assert.rejects(pool.detect(MODEL, quick, OPTIONS, FOREVER), codeOf("YOLO_QUEUE_FULL"));
    await Promise.all([running, waiting]);
    await pool.detect(MODEL, quick, OPTIONS, FOREVER);
  });

  it("lets no request wait when the limit is zero, but serves one at a time", async () => {
    pool = use(await Pool.start(options({ queueLimit: 0 })));
    await pool.detect(MODEL, quick, OPTIONS, FOREVER);
    const running = pool.detect(MODEL, slow, OPTIONS, FOREVER);
    await assert.rejects(pool.detect(MODEL, quick, OPTIONS, FOREVER), codeOf("YOLO_QUEUE_FULL"));
    await running;
  });

  it("gives up a request that waits or runs too long, and the worker stays usable", async () => {
    pool = use(await Pool.start(options({ timeoutMs: 60 })));
    const late = Promise.allSettled([
      pool.detect(MODEL, slow, OPTIONS, FOREVER),
      pool.detect(MODEL, quick, OPTIONS, FOREVER),
    ]);
    for (const each of await late) assert.ok(each.status === "rejected" && codeOf("YOLO_REQUEST_TIMEOUT")(each.reason));
    assert.equal(pool.queueDepth, 0);
    while (!(await pool.detect(MODEL, quick, OPTIONS, FOREVER).catch(() => undefined))) await sleep(20);
    assert.equal(workers.length, 1);
  });

  it("drops a waiting request whose caller is gone", async () => {
    pool = use(await Pool.start(options()));
    const running = pool.detect(MODEL, slow, OPTIONS, FOREVER);
    const caller = new AbortController();
    const waiting = pool.detect(MODEL, quick, OPTIONS, { signal: caller.signal });
    caller.abort();
    await assert.rejects(waiting, { name: "AbortError" });
    await assert.rejects(pool.detect(MODEL, quick, OPTIONS, { signal: caller.signal }), { name: "AbortError" });
    assert.equal(pool.queueDepth, 0);
    await running;
  });

  it("replaces a worker that dies, and answers its request by the next one", async () => {
    const restarts: string[] = [];
    pool = use(await Pool.start(options({ onRestart: (reason) => restarts.push(reason) })));
    const running = pool.detect(MODEL, slow, OPTIONS, FOREVER);
    const waiting = pool.detect(MODEL, quick, OPTIONS, FOREVER);
    await workers[0]?.terminate();
    assert.equal((await running).width, 6000);
    assert.equal((await waiting).width, 60);
    assert.equal(restarts.length, 1);
    assert.equal(workers.length, 2);
  });

  it("fails a request that two workers died with, and serves the others", async () => {
    pool = use(await Pool.start(options()));
    const running = pool.detect(MODEL, slow, OPTIONS, FOREVER);
    const waiting = pool.detect(MODEL, quick, OPTIONS, FOREVER);
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
      pool = use(await Pool.start(options({ queueLimit: 40 })));
      const work = Array.from({ length: 5 }, () => pool?.detect(MODEL, slow, OPTIONS, FOREVER));
      age();
      assert.equal(await pool.answers(), true);
      assert.ok(pool.queueDepth >= 2, "most of the queue is still there");
      await Promise.all(work);
    });

    it("does not trouble the workers after a recent inference", async () => {
      pool = use(await Pool.start(options()));
      const running = pool.detect(MODEL, slow, OPTIONS, FOREVER);
      const first = await Promise.race([pool.answers(), running]);
      assert.equal(first, true);
      await running;
    });

    it("fails when no worker can be started any more", async () => {
      const folder = await mkdtemp(join(tmpdir(), "yolo-pool-"));
      try {
        const { worker } = options();
        const path = join(folder, "model.onnx");
        await copyFile(modelPath("raw"), path);
        const models = worker.models.map((model) => ({ ...model, path }));
        pool = use(await Pool.start(options({ worker: { ...worker, models } })));
        await rm(path);
        await workers[0]?.terminate();
        age();
        assert.equal(await pool.answers(), false);
        assert.equal(pool.available, false);
        await copyFile(modelPath("raw"), path);
        while (!(await pool.answers())) await sleep(20);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });

  it("runs a request on all threads when it is alone, and on one beside others", async () => {
    pool = use(await Pool.start(options({ workers: 2, threads: 2 })));
    const tasks = watch(workers);
    await pool.detect(MODEL, quick, OPTIONS, FOREVER);
    await Promise.all([slow, quick, quick].map((image) => pool?.detect(MODEL, image, OPTIONS, FOREVER)));
    await pool.detect(MODEL, quick, OPTIONS, FOREVER);
    assert.deepEqual(
      tasks.map(({ wide }) => wide),
      [true, true, false, false, true],
    );
  });

  it("finds the same on one thread and on all", async () => {
    pool = use(await Pool.start(options({ workers: 2, threads: 2 })));
    const alone = await pool.detect(MODEL, quick, OPTIONS, FOREVER);
    const running = pool.detect(MODEL, slow, OPTIONS, FOREVER);
    const beside = await pool.detect(MODEL, quick, OPTIONS, FOREVER);
    assert.deepEqual(beside.rows, alone.rows);
    await running;
  });

  it("serves lanes in turn, so that a long one does not hold up a short one", async () => {
    pool = use(await Pool.start(options({ queueLimit: 20 })));
    const order: string[] = [];
    const work = [..."aaaaab"].map(async (lane) => {
      await pool?.detect(MODEL, quick, OPTIONS, { lane });
      order.push(lane);
    });
    await Promise.all(work);
    assert.equal(order.indexOf("b"), 2, order.join(""));
  });

  it("gives up a request when its own time is over, before the pool's", async () => {
    pool = use(await Pool.start(options()));
    const running = pool.detect(MODEL, slow, OPTIONS, FOREVER);
    const waiting = pool.detect(MODEL, quick, OPTIONS, { timeoutMs: 20 });
    await assert.rejects(waiting, codeOf("YOLO_REQUEST_TIMEOUT"));
    await running;
  });

  it("runs images that come together as one batch, each with its own answer or failure", async () => {
    const batches: number[] = [];
    const onBatch = (_model: string, images: number) => batches.push(images);
    pool = use(await Pool.start(options({ maxBatch: 4, maxBatchDelayMs: 200, onBatch })));
    const images = [quick, Buffer.from("no image"), quick];
    const results = await Promise.allSettled(images.map((image) => pool?.detect(MODEL, image, OPTIONS, FOREVER)));
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(batches, [3]);
  });

  it("runs a model on tensors, and says what is wrong with them", async () => {
    pool = use(await Pool.start(options()));
    const tensor = (shape: number[]): RawTensor => {
      const data = new Uint8Array(4 * shape.reduce((product, size) => product * size, 1));
      return { name: "images", datatype: "FP32", shape, data };
    };
    const { inputs, outputs } = readModel(readFileSync(modelPath("raw")));
    const shape = inputs[0]?.shape.map(Number) ?? [];
    const results = await pool.infer(MODEL, [tensor(shape)], [], FOREVER);
    assert.deepEqual(
      results.map(({ name }) => name),
      outputs.map(({ name }) => name),
    );
    const wrong = pool.infer(MODEL, [tensor([1, 3, 5, 5])], [], FOREVER);
    await assert.rejects(wrong, codeOf("YOLO_TENSOR_INVALID"));
  });

  it("is ended while it starts, by its signal, and replaces nothing", async () => {
    const stop = new AbortController();
    const restarts: string[] = [];
    const { worker } = options();
    const more = { workers: 2, threads: 4, worker: { ...worker, models: [street] } };
    const starting = Pool.start(options({ ...more, onRestart: (reason) => restarts.push(reason) }), stop.signal);
    const ended = assert.rejects(starting.then(use), StartError);
    while (workers.length < 2) await sleep(1);
    // The first worker has a session more to open, so that the second one is ready before it.
    workers[1]?.once("message", () => stop.abort());
    await ended;
    await endThreads();
    await sleep(100);
    assert.deepEqual([workers.length, restarts], [2, []]);
    await assert.rejects(Pool.start(options(), stop.signal), { name: "AbortError" });
  });

  it("says why a worker cannot start", async () => {
    const wrong = options();
    const models = wrong.worker.models.map((model) => ({ ...model, sha256: "0".repeat(64) }));
    wrong.worker = { ...wrong.worker, models };
    await assert.rejects(Pool.start(wrong), (error) => error instanceof StartError && /SHA-256/.test(error.message));
  });

  it("is closed in the middle of a run as well", async () => {
    const photo = await readFile(join(import.meta.dirname, "../../samples/street.jpg"));
    const { worker } = options();
    for (let ms = 0; ms < 120; ms += 20) {
      pool = use(await Pool.start(options({ worker: { ...worker, models: [street] } })));
      const running = pool.detect(MODEL, photo, OPTIONS, FOREVER).catch(() => undefined);
      await sleep(ms);
      pool.close();
      await running;
      await endThreads();
    }
  });

  it("fails what waits when it is closed", async () => {
    pool = use(await Pool.start(options()));
    const lost = Promise.allSettled([
      pool.detect(MODEL, slow, OPTIONS, FOREVER),
      pool.detect(MODEL, quick, OPTIONS, FOREVER),
    ]);
    pool.close();
    for (const each of await lost) assert.ok(each.status === "rejected" && codeOf("YOLO_NOT_READY")(each.reason));
  });
});

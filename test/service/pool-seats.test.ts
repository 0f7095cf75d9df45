import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import threads from "node:worker_threads";
import { StartError } from "../../service/src/errors.ts";
import type { Run } from "../../service/src/inference/observe.ts";
import { sizes } from "../../service/src/inference/options.ts";
import { Pool } from "../../service/src/inference/pool.ts";
import { endThreads } from "../../service/src/inference/slot.ts";
import { blocks } from "./generate.ts";
import { codeOf, FOREVER, MODEL, OPTIONS, options, watch, watchWorkers } from "./pool-fixture.ts";
import { png, slowImage } from "./support.ts";

describe("sizes", () => {
  it("shares the processors evenly, and lets one worker use all", () => {
    assert.deepEqual(sizes(3, 8, "cpu"), [{ threads: 2, wideThreads: 8 }, { threads: 2 }, { threads: 2 }]);
    assert.deepEqual(sizes(4, 2, "cpu")[3], { threads: 1 });
  });

  it("opens one session where a share is all there is", () => {
    assert.deepEqual(sizes(1, 4, "cpu"), [{ threads: 4 }]);
  });

  it("gives workers of a GPU one thread", () => {
    assert.deepEqual(sizes(2, 8, "cuda"), [{ threads: 1 }, { threads: 1 }]);
  });
});

describe("The seats of a Pool", () => {
  const { workers, use } = watchWorkers();
  let slow: Buffer;
  let quick: Buffer;
  before(async () => {
    slow = await slowImage();
    quick = await png(blocks(60, 60, 1), 60, 60);
  });

  it("opens a session on all threads in the first worker only", async function () {
    // Only Linux tells how many threads a process has.
    if (process.platform !== "linux") return this.skip();
    const count = () => readdirSync("/proc/self/task").length;
    const before = count();
    use(await Pool.start(options({ workers: 3, threads: 21 })));
    // A worker itself, and beside it 6 threads of ONNX Runtime (and 20 more in the first).
    assert.ok(count() - before < 3 * 7 + 20 + 10, `${count() - before} threads`);
  });

  it("runs a request that is alone on its share while the first worker is being replaced, and wide again afterwards", async () => {
    const pool = use(await Pool.start(options({ workers: 2, threads: 2 })));
    const tasks = watch(workers);
    await workers[0]?.terminate();
    await pool.detect(MODEL, quick, OPTIONS, FOREVER);
    assert.deepEqual(
      tasks.map(({ wide }) => wide),
      [false],
    );
    while (workers.length < 3) await sleep(5);
    const replaced = watch(workers.slice(2));
    while (replaced.length === 0) await pool.detect(MODEL, quick, OPTIONS, FOREVER);
    assert.equal(replaced[0]?.wide, true);
  });

  it("does not let images wait for others again that waited for a worker for longer", async () => {
    const pool = use(await Pool.start(options({ maxBatch: 2, maxBatchDelayMs: 50 })));
    const tasks = watch(workers);
    const running = [slow, slow].map((image) => pool.detect(MODEL, image, OPTIONS, FOREVER));
    const waiting = pool.detect(MODEL, quick, OPTIONS, FOREVER);
    await Promise.race(running);
    assert.equal(tasks.length, 2, "it was handed over with the answer to the batch before it");
    await Promise.all([...running, waiting]);
  });

  it("lets an image wait for others as long as is set, and tensors and signs of life not at all", async () => {
    const waits: number[] = [];
    const onWait = (seconds: number) => waits.push(seconds);
    const pool = use(await Pool.start(options({ maxBatch: 2, maxBatchDelayMs: 300, onWait })));
    await pool.detect(MODEL, quick, OPTIONS, FOREVER);
    await assert.rejects(pool.infer(MODEL, [], [], FOREVER), codeOf("YOLO_TENSOR_INVALID"));
    const [image = 0, tensors = 0] = waits;
    assert.ok(image >= 0.299, `${image} s`);
    assert.ok(tensors < 0.1, `${tensors} s`);
  });

  it("counts requests that wait, not their images, and lets in what belongs to a request that it let in", async () => {
    const pool = use(await Pool.start(options({ queueLimit: 1 })));
    const running = pool.detect(MODEL, slow, OPTIONS, FOREVER);
    const request = {};
    const form = Array.from({ length: 5 }, () => pool.detect(MODEL, quick, OPTIONS, { request }));
    assert.equal(pool.queueDepth, 1);
    await assert.rejects(pool.detect(MODEL, quick, OPTIONS, { request: {} }), codeOf("YOLO_QUEUE_FULL"));
    await Promise.all([running, ...form]);
    const [other, another] = [slow, quick].map((image) => pool.detect(MODEL, image, OPTIONS, FOREVER));
    await pool.detect(MODEL, quick, OPTIONS, { request });
    await Promise.all([other, another]);
  });

  it("tells in the caller's context when a job begins, and how it ended", async () => {
    const told: unknown[] = [];
    const onRun = (run: Run) => {
      told.push(run);
      return (...end: unknown[]) => told.push(end);
    };
    const pool = use(await Pool.start(options({ onRun })));
    const findings = await pool.detect(MODEL, quick, OPTIONS, FOREVER);
    await assert.rejects(pool.infer(MODEL, [], [], FOREVER), (error) => {
      assert.deepEqual(told, [
        { model: MODEL, bytes: quick.byteLength },
        [findings],
        { model: MODEL, bytes: 0 },
        [undefined, error],
      ]);
      return true;
    });
  });

  describe("without a thread", () => {
    const { Worker } = threads;
    afterEach(() => {
      threads.Worker = Worker;
      syncBuiltinESMExports();
    });
    const refuse = () => {
      threads.Worker = class {
        constructor() {
          throw new Error("EAGAIN");
        }
      } as unknown as typeof Worker;
      syncBuiltinESMExports();
    };

    it("says at the start that the system gives none", async () => {
      refuse();
      await assert.rejects(
        Pool.start(options()),
        (error) => error instanceof StartError && /EAGAIN/.test(error.message),
      );
    });

    it("tries again later, and serves once the system gives one", async () => {
      const reasons: string[] = [];
      const pool = use(await Pool.start(options({ onRestart: (reason) => reasons.push(reason) })));
      refuse();
      await workers[0]?.terminate();
      while (reasons.length < 3) await sleep(5);
      assert.match(reasons[2] ?? "", /no thread could be started: EAGAIN/);
      assert.equal(pool.available, false);
      threads.Worker = Worker;
      syncBuiltinESMExports();
      await pool.detect(MODEL, quick, OPTIONS, FOREVER);
    });
  });

  describe("with a worker that hangs in native code", () => {
    afterEach(() => mock.timers.reset());

    it("waits for it at the end of the process", async () => {
      const pool = use(await Pool.start(options()));
      const [hung] = workers;
      assert.ok(hung !== undefined);
      const terminate = hung.terminate.bind(hung);
      hung.terminate = () => new Promise(() => {});
      pool.close();
      const ended = endThreads();
      assert.equal(await Promise.race([ended, sleep(100, "waits")]), "waits");
      await terminate();
      await ended;
    });

    it("replaces it, and does not call itself alive until its thread ends", async () => {
      const pool = use(await Pool.start(options({ timeoutMs: 200_000 })));
      const [hung] = workers;
      assert.ok(hung !== undefined);
      // What a thread in native code does with what it is sent, and with being told to end: nothing.
      const terminate = hung.terminate.bind(hung);
      hung.postMessage = () => {};
      hung.terminate = () => new Promise(() => {});
      mock.timers.enable({ apis: ["setTimeout"] });
      const answer = pool.detect(MODEL, quick, OPTIONS, FOREVER);
      mock.timers.tick(60_000);
      assert.equal(await pool.answers(), true, "it is told to end");
      mock.timers.tick(10_000);
      assert.equal(await pool.answers(), false, "it did not end");
      mock.timers.tick(1_000);
      mock.timers.reset();
      assert.equal((await answer).width, 60);
      assert.equal(workers.length, 2);
      assert.equal(await pool.answers(), false, "the other one answers, but the thread still takes its place");
      await terminate();
      assert.equal(await pool.answers(), true);
    });
  });
});

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { PredictResponse } from "../../service/contract.ts";
import { blocks } from "./generate.ts";
import { FOREVER, MODEL, OPTIONS } from "./pool-fixture.ts";
import { assertError, postForm } from "./predict-request.ts";
import { startApp } from "./running-app.ts";
import { png, slowImage } from "./support.ts";

describe("QUEUE_LIMIT", () => {
  it("counts requests: a form whose first image may wait is taken whole, and the next request is refused", async () => {
    const slow = await slowImage();
    const image = await png(blocks(80, 60, 3), 80, 60);
    const { app, state, close } = await startApp("raw", { QUEUE_LIMIT: "1", WORKERS: "2", THREADS: "2" });
    try {
      const { pool } = state.engine ?? assert.fail("there is an engine");
      const running = [slow, slow].map((each) => pool.detect(MODEL, each, OPTIONS, FOREVER));
      const form = postForm(app, [
        ["file", image],
        ["file", image],
        ["file", image],
      ]);
      let answered = false;
      form.finally(() => {
        answered = true;
      });
      while (pool.queueDepth === 0 && !answered) await sleep(1);
      assertError(await postForm(app, [["file", image]]), "YOLO_QUEUE_FULL");
      const answer = await form;
      assert.equal(answer.statusCode, 200, answer.body);
      assert.equal(answer.json<PredictResponse>().images.length, 3);
      await Promise.all(running);
    } finally {
      await close();
    }
  });
});

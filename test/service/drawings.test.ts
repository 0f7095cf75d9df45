import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type DrawingOptions, Drawings, MOST_WAITING_DRAWINGS } from "../../service/src/drawings.ts";
import { RequestError } from "../../service/src/errors.ts";

/** Drawings whose end the test decides. */
function controlled() {
  const open: PromiseWithResolvers<Buffer>[] = [];
  const drawings = new Drawings(() => {
    const one = Promise.withResolvers<Buffer>();
    open.push(one);
    return one.promise;
  });
  const draw = (how: Partial<DrawingOptions> = {}) =>
    drawings.draw(new Uint8Array(), [], { signal: new AbortController().signal, timeLeft: () => 60_000, ...how });
  return { open, draw };
}

const codeIs = (code: string) => (error: unknown) => error instanceof RequestError && error.code === code;
const DRAWN = Buffer.from("drawn");

describe("Drawings", () => {
  it("make one at a time, in the order in which they came, and tell how long each took", async () => {
    const { open, draw } = controlled();
    const seconds: number[] = [];
    const order: number[] = [];
    const all = [0, 1, 2].map(async (each) => {
      await draw({ onDrawn: (took) => seconds.push(took) });
      order.push(each);
    });
    for (let made = 0; made < 3; made++) {
      await sleep(5);
      assert.equal(open.length, made + 1);
      open[made]?.resolve(DRAWN);
    }
    await Promise.all(all);
    assert.deepEqual(order, [0, 1, 2]);
    assert.equal(seconds.length, 3);
    assert.ok(seconds.every((took) => took > 0 && took < 1));
  });

  it("refuse one more than may wait, and take it once one is done", async () => {
    const { open, draw } = controlled();
    const all = Array.from({ length: 1 + MOST_WAITING_DRAWINGS }, () => draw());
    await assert.rejects(draw(), codeIs("YOLO_QUEUE_FULL"));
    open[0]?.resolve(DRAWN);
    assert.equal(await all[0], DRAWN);
    all.push(draw());
    for (let each = 1; each < all.length; each++) {
      while (open.length <= each) await sleep(1);
      open[each]?.resolve(DRAWN);
    }
    assert.equal((await Promise.all(all)).length, all.length);
  });

  it("give up what waits when its time is over or its caller leaves, without beginning it", async () => {
    const { open, draw } = controlled();
    const first = draw();
    const caller = new AbortController();
    const left = draw({ signal: caller.signal });
    const late = draw({ timeLeft: () => 20 });
    const last = draw();
    caller.abort(new Error("left"));
    await assert.rejects(left, /left/);
    await assert.rejects(late, codeIs("YOLO_REQUEST_TIMEOUT"));
    open[0]?.resolve(DRAWN);
    await first;
    await sleep(5);
    assert.equal(open.length, 2);
    open[1]?.resolve(DRAWN);
    assert.equal(await last, DRAWN);
  });

  it("answer in time while one is made, and begin the next only when it is done", async () => {
    const { open, draw } = controlled();
    const late = draw({ timeLeft: () => 20 });
    const next = draw();
    await assert.rejects(late, codeIs("YOLO_REQUEST_TIMEOUT"));
    await sleep(5);
    assert.equal(open.length, 1);
    // It may fail, too: nobody waits for it any more.
    open[0]?.reject(new Error("given up"));
    await sleep(5);
    assert.equal(open.length, 2);
    open[1]?.resolve(DRAWN);
    assert.equal(await next, DRAWN);
  });

  it("begin nothing for a caller that has left or has no time", async () => {
    const { open, draw } = controlled();
    await assert.rejects(draw({ signal: AbortSignal.abort(new Error("left")) }), /left/);
    const none = () => {
      throw new RequestError("YOLO_REQUEST_TIMEOUT");
    };
    await assert.rejects(draw({ timeLeft: none }), codeIs("YOLO_REQUEST_TIMEOUT"));
    assert.equal(open.length, 0);
    const next = draw();
    await sleep(5);
    open[0]?.resolve(DRAWN);
    assert.equal(await next, DRAWN);
  });
});

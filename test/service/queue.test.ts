import assert from "node:assert/strict";
import fc from "fast-check";
import { FairQueue } from "../../service/src/inference/queue.ts";

interface Item {
  lane: string;
  request: object;
  number: number;
}

let requests = 0;

/** An item of a request of its own, unless told otherwise. */
function item(lane: string, number: number, request: object = { number: requests++ }): Item {
  return { lane, request, number };
}

function drain(queue: FairQueue<Item>): string {
  let order = "";
  for (let item = queue.take(); item !== undefined; item = queue.take()) order += `${item.lane}${item.number} `;
  return order.trim();
}

describe("FairQueue", () => {
  it("serves lanes in turn, and each lane in order", () => {
    const queue = new FairQueue<Item>();
    for (const [index, lane] of [..."aaabbc"].entries()) queue.push(item(lane, index));
    assert.equal(drain(queue), "a0 b3 c5 a1 b4 a2");
  });

  it("takes first what was put first, before all lanes", () => {
    const queue = new FairQueue<Item>();
    queue.push(item("a", 1));
    queue.pushFirst(item("b", 2));
    assert.equal(drain(queue), "b2 a1");
  });

  it("passes over lanes whose next item is not wanted, without changing their turn", () => {
    const queue = new FairQueue<Item>();
    for (const [lane, number] of [
      ["a", 1],
      ["b", 2],
      ["a", 3],
    ] as const)
      queue.push(item(lane, number));
    assert.equal(queue.take(({ number }) => number === 2)?.lane, "b");
    assert.equal(
      queue.take(({ number }) => number === 3),
      undefined,
    );
    assert.equal(drain(queue), "a1 a3");
  });

  it("shows what is next in each lane, what was put first before all", () => {
    const queue = new FairQueue<Item>();
    for (const [index, lane] of [..."aab"].entries()) queue.push(item(lane, index));
    queue.pushFirst(item("c", 3));
    assert.deepEqual(
      queue.heads().map(({ number }) => number),
      [3, 0, 2],
    );
    assert.equal(drain(queue), "c3 a0 b2 a1");
    assert.deepEqual(queue.heads(), []);
  });

  it("never loses, doubles or miscounts an item, whatever is put, taken and removed", () => {
    const steps = fc.array(
      fc.record({
        do: fc.constantFrom("push", "first", "take", "remove"),
        lane: fc.constantFrom("a", "b", "c"),
        request: fc.constantFrom(...[{}, {}, {}]),
      }),
    );
    fc.assert(
      fc.property(steps, (list) => {
        const queue = new FairQueue<Item>();
        const inside = new Set<Item>();
        for (const [number, step] of list.entries()) {
          const one = item(step.lane, number, step.request);
          if (step.do === "push") queue.push(one);
          if (step.do === "first") queue.pushFirst(one);
          if (step.do === "push" || step.do === "first") inside.add(one);
          if (step.do === "take") {
            const taken = queue.take();
            assert.equal(taken === undefined, inside.size === 0);
            if (taken !== undefined) assert.ok(inside.delete(taken));
          }
          const [some] = inside;
          if (step.do === "remove" && some !== undefined) {
            assert.ok(queue.remove(some));
            assert.ok(!queue.remove(some));
            inside.delete(some);
          }
          assert.equal(queue.size, inside.size);
          assert.equal(queue.requests, new Set([...inside].map(({ request }) => request)).size);
        }
        for (let taken = queue.take(); taken !== undefined; taken = queue.take()) assert.ok(inside.delete(taken));
        assert.equal(inside.size, 0);
      }),
    );
  });
});

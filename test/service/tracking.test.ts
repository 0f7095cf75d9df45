import assert from "node:assert/strict";
import fc from "fast-check";
import { assign } from "../../service/src/tracking/assignment.ts";
import { Motion, overlap } from "../../service/src/tracking/motion.ts";
import { MEMORY_FRAMES, type Sighting, Tracker } from "../../service/src/tracking/tracker.ts";

/** An object 40 pixels wide and 60 high around a point. */
function at(x: number, y: number, confidence = 0.9, index = 0): Sighting {
  return { x1: x - 20, y1: y - 30, x2: x + 20, y2: y + 30, confidence, class: index };
}

/** Small numbers by a fixed rule, as a detector's boxes tremble. */
function tremble(seed: number): number {
  return ((Math.imul(seed, 2654435761) >>> 16) % 5) - 2;
}

describe("assign", () => {
  /** The largest sum over all ways to pair, by trying each. */
  function best(weights: readonly number[][], row = 0, taken = new Set<number>()): number {
    const own = weights[row];
    if (own === undefined) return 0;
    let most = best(weights, row + 1, taken);
    own.forEach((weight, column) => {
      if (weight <= 0 || taken.has(column)) return;
      most = Math.max(most, weight + best(weights, row + 1, new Set(taken).add(column)));
    });
    return most;
  }

  it("finds the largest sum of all pairings, for any shape and with pairs that are not allowed", () => {
    const shape = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }));
    const matrix = shape.chain(([rows, columns]) => {
      const row = fc.array(fc.integer({ min: -4, max: 9 }), { minLength: columns, maxLength: columns });
      return fc.array(row, { minLength: rows, maxLength: rows });
    });
    fc.assert(
      fc.property(matrix, (weights) => {
        const columns = weights[0]?.length ?? 0;
        const pairs = assign(Float64Array.from(weights.flat()), weights.length, columns);
        const used = [...pairs].filter((column) => column >= 0);
        assert.equal(new Set(used).size, used.length, "no column twice");
        let sum = 0;
        pairs.forEach((column, row) => {
          if (column < 0) return;
          const weight = weights[row]?.[column] ?? 0;
          assert.ok(weight > 0, "no pair that is not allowed");
          sum += weight;
        });
        assert.equal(sum, best(weights));
      }),
      { numRuns: 1000 },
    );
  });

  it("gives up the better pair of one row where both rows together gain", () => {
    assert.deepEqual([...assign(Float64Array.of(0.9, 0.8, 0.85, 0), 2, 2)], [1, 0]);
  });

  it("refuses weights that do not fill the matrix", () => {
    assert.throws(() => assign(new Float64Array(5), 2, 3), /Expected 2 x 3 weights but received 5/);
  });
});

describe("Motion", () => {
  it("learns a constant velocity and goes on with it", () => {
    const motion = new Motion(at(0, 0));
    for (let frame = 1; frame <= 30; frame++) {
      motion.predict(1);
      motion.correct(at(frame * 7, frame * -3));
    }
    motion.predict(5);
    const { x1, x2, y1, y2 } = motion.box;
    assert.ok(Math.abs((x1 + x2) / 2 - 35 * 7) < 1.5, `x ${(x1 + x2) / 2}`);
    assert.ok(Math.abs((y1 + y2) / 2 + 35 * 3) < 1.5, `y ${(y1 + y2) / 2}`);
    assert.ok(Math.abs(x2 - x1 - 40) < 0.5);
  });

  it("moves on by many frames as by as many single ones", () => {
    const [one, many] = [new Motion(at(5, 5)), new Motion(at(5, 5))];
    for (const motion of [one, many]) {
      motion.predict(1);
      motion.correct(at(9, 6));
    }
    for (let i = 0; i < 4; i++) one.predict(1);
    many.predict(4);
    assert.deepEqual(many.box, one.box);
  });
});

describe("overlap", () => {
  it("is the intersection over the union", () => {
    const box = { x1: 0, y1: 0, x2: 10, y2: 10 };
    assert.equal(overlap(box, box), 1);
    assert.equal(overlap(box, { x1: 5, y1: 0, x2: 15, y2: 10 }), 1 / 3);
    assert.equal(overlap(box, { x1: 10, y1: 0, x2: 20, y2: 10 }), 0);
  });
});

describe("Tracker", () => {
  it("numbers what the first frame shows at once, and what comes later when it is seen again", () => {
    const tracker = new Tracker();
    assert.deepEqual(tracker.update(1, [at(50, 50), at(200, 50)]), [1, 2]);
    assert.deepEqual(tracker.update(2, [at(200, 50), at(400, 50), at(50, 50)]), [2, undefined, 1]);
    assert.deepEqual(tracker.update(3, [at(400, 50)]), [3]);
  });

  it("keeps two objects apart that cross each other's way", () => {
    const tracker = new Tracker();
    for (let frame = 0; frame <= 60; frame++) {
      const right = at(100 + frame * 8 + tremble(frame), 100);
      const left = at(580 - frame * 8, 124 + tremble(frame * 7));
      const ids =
        frame % 2 === 0 ? tracker.update(frame, [right, left]) : tracker.update(frame, [left, right]).reverse();
      assert.deepEqual(ids, [1, 2], `frame ${frame}`);
    }
    assert.equal(tracker.count, 2);
  });

  it("finds an object again behind what hid it, by its velocity", () => {
    const tracker = new Tracker();
    for (let frame = 0; frame < 20; frame++) assert.deepEqual(tracker.update(frame, [at(50 + frame * 6, 80)]), [1]);
    for (let frame = 20; frame < 34; frame++) assert.deepEqual(tracker.update(frame, []), []);
    for (let frame = 34; frame < 50; frame++) {
      assert.deepEqual(tracker.update(frame, [at(50 + frame * 6, 80)]), [1], `frame ${frame}`);
    }
  });

  it("holds an object through frames in which the model is unsure of it, and starts none by them", () => {
    const tracker = new Tracker();
    for (let frame = 0; frame < 60; frame++) {
      const confidence = frame % 20 > 4 ? 0.14 : 0.8;
      assert.deepEqual(tracker.update(frame, [at(50 + frame * 5, 80, confidence), at(600, 300, 0.2)]), [1, undefined]);
    }
    assert.equal(tracker.count, 1);
  });

  it("prefers the sure detection over an unsure one that overlaps more", () => {
    const tracker = new Tracker();
    tracker.update(0, [at(100, 100)]);
    assert.deepEqual(tracker.update(1, [at(100, 100, 0.15), at(108, 100, 0.9)]), [undefined, 1]);
  });

  it("never gives the number of one class to another", () => {
    const tracker = new Tracker();
    tracker.update(0, [at(100, 100, 0.9, 0), at(300, 100, 0.9, 1)]);
    assert.deepEqual(tracker.update(1, [at(100, 100, 0.9, 1), at(300, 100, 0.9, 1)]), [undefined, 2]);
    assert.deepEqual(tracker.update(2, [at(100, 100, 0.9, 0), at(100, 100, 0.9, 1)]), [1, 3]);
  });

  it("does not number what flickers up once", () => {
    const tracker = new Tracker();
    tracker.update(0, []);
    for (let frame = 1; frame < 40; frame++) {
      assert.deepEqual(tracker.update(frame, [at(60 + frame * 200, 100)]), [undefined]);
    }
    assert.equal(tracker.count, 0);
  });

  it("forgets an object after its memory, and does not use the number again", () => {
    const tracker = new Tracker();
    tracker.update(0, [at(100, 100)]);
    assert.deepEqual(tracker.update(MEMORY_FRAMES, [at(100, 100)]), [1]);
    tracker.update(2 * MEMORY_FRAMES + 1, [at(100, 100)]);
    assert.deepEqual(tracker.update(2 * MEMORY_FRAMES + 2, [at(100, 100)]), [2]);
  });

  it("counts skipped frames as time that has passed", () => {
    const tracker = new Tracker();
    for (let frame = 0; frame < 120; frame += frame < 12 ? 1 : 4) {
      assert.deepEqual(tracker.update(frame, [at(50 + frame * 7, 80)]), [1], `frame ${frame}`);
    }
  });

  it("starts anew after a reset, with new numbers", () => {
    const tracker = new Tracker();
    tracker.update(0, [at(100, 100)]);
    tracker.reset();
    assert.deepEqual(tracker.update(1, [at(100, 100)]), [2]);
  });

  it("takes the confidence of a new object from its caller", () => {
    const tracker = new Tracker(0.6);
    assert.deepEqual(tracker.update(0, [at(100, 100, 0.5), at(300, 100, 0.7)]), [undefined, 1]);
  });

  it("refuses a frame that is not after the last one", () => {
    const tracker = new Tracker();
    tracker.update(4, []);
    assert.throws(() => tracker.update(4, []), /Expected a frame after 4 but received 4/);
  });

  it("keeps the numbers of 40 objects that wander for 200 frames, in whatever order they come", () => {
    const tracker = new Tracker();
    const objects = Array.from({ length: 40 }, (_, i) => ({
      x: (i % 8) * 120 + 60,
      y: Math.floor(i / 8) * 120 + 60,
      i,
    }));
    for (let frame = 0; frame < 200; frame++) {
      const shift = frame % objects.length;
      const order = [...objects.slice(shift), ...objects.slice(0, shift)];
      // One in nine is missed in each frame, but for the first.
      const seen = order.filter(({ i }) => frame === 0 || (i + frame) % 9 !== 0);
      const ids = tracker.update(
        frame,
        seen.map(({ x, y, i }) =>
          at(x + 25 * Math.sin(frame / 9 + i) + tremble(frame + i), y + 25 * Math.cos(frame / 9 + i)),
        ),
      );
      assert.deepEqual(
        ids,
        seen.map(({ i }) => i + 1),
        `frame ${frame}`,
      );
    }
  });

  it("takes the most that a model answers, with everything overlapping, and stays within its bounds", () => {
    const tracker = new Tracker();
    for (let frame = 0; frame < 5; frame++) {
      const crowd = Array.from({ length: 300 }, (_, i) =>
        at(100 + tremble(i * 31 + frame) * 3 + (i % 7), 100 + (i % 11)),
      );
      const ids = tracker.update(frame, crowd);
      const given = ids.filter((id) => id !== undefined);
      assert.equal(new Set(given).size, given.length, "a number twice in one frame");
    }
    assert.ok(tracker.count <= 1500);
  });
});

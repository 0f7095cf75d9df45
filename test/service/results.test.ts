import assert from "node:assert/strict";
import type { ImageResult } from "../../service/contract.ts";
import type { Findings } from "../../service/src/inference/messages.ts";
import { toJson, toResults, toResultsInTurns } from "../../service/src/results.ts";

const NAMES = ["cat", "dog"];
const PIXELS = { normalize: false, decimals: 2 };

function findings(change: Partial<Findings>): Findings {
  const speed = { preprocess: 0, inference: 0, postprocess: 0 };
  return { task: "detect", rows: new Float32Array(), columns: 6, width: 200, height: 100, speed, ...change };
}

describe("toResults", () => {
  it("names and rounds boxes", () => {
    const rows = Float32Array.of(1.239, 2, 3, 4, 0.876, 1, 5, 6, 7, 8, 0.5, 0);
    assert.deepEqual(toResults(findings({ rows }), NAMES, PIXELS), [
      { class: 1, name: "dog", confidence: 0.88, box: { x1: 1.24, y1: 2, x2: 3, y2: 4 } },
      { class: 0, name: "cat", confidence: 0.5, box: { x1: 5, y1: 6, x2: 7, y2: 8 } },
    ]);
  });

  it("gives shares of the image when asked", () => {
    const rows = Float32Array.of(20, 20, 100, 50, 0.5, 0);
    const [result] = toResults(findings({ rows }), NAMES, { normalize: true, decimals: 3 });
    assert.deepEqual(result?.box, { x1: 0.1, y1: 0.2, x2: 0.5, y2: 0.5 });
  });

  it("gives the corners of a rotated box, one after the other around it", () => {
    const upright = Float32Array.of(50, 40, 20, 10, 0.5, 0, 0);
    const of = (rows: Float32Array) => toResults(findings({ task: "obb", columns: 7, rows }), NAMES, PIXELS)[0]?.box;
    assert.deepEqual(of(upright), { x1: 60, y1: 45, x2: 60, y2: 35, x3: 40, y3: 35, x4: 40, y4: 45 });
    const turned = Float32Array.of(50, 40, 20, 10, 0.5, 0, Math.PI / 2);
    assert.deepEqual(of(turned), { x1: 45, y1: 50, x2: 55, y2: 50, x3: 55, y3: 30, x4: 45, y4: 30 });
  });

  it("gives keypoints and how visible they are", () => {
    const rows = Float32Array.of(0, 0, 10, 10, 0.5, 0, 20, 30, 0.25, 40, 50, 1);
    const options = { normalize: true, decimals: 2 };
    const [result] = toResults(findings({ task: "pose", columns: 12, rows }), NAMES, options);
    assert.deepEqual(result?.keypoints, { x: [0.1, 0.2], y: [0.3, 0.5], visible: [0.25, 1] });
    assert.deepEqual(result?.box, { x1: 0, y1: 0, x2: 0.05, y2: 0.1 });
  });

  it("gives outlines, and run lengths where they were made, to the object they belong to", () => {
    const rows = Float32Array.of(0, 0, 10, 10, 0.5, 0, 0, 0, 20, 20, 0.25, 1);
    const masks = [{ outline: Float32Array.of(1, 2, 3, 4), counts: "abc" }, { outline: Float32Array.of(5, 6) }];
    const [first, second] = toResults(findings({ task: "segment", rows, masks }), NAMES, PIXELS);
    assert.deepEqual(first?.segments, { x: [1, 3], y: [2, 4] });
    assert.deepEqual(first?.mask, { size: [100, 200], counts: "abc" });
    assert.deepEqual(second?.segments, { x: [5], y: [6] });
    assert.equal(second?.mask, undefined);
  });

  it("gives classes without boxes", () => {
    const rows = Float32Array.of(0.75, 1, 0.25, 0);
    assert.deepEqual(toResults(findings({ task: "classify", columns: 2, rows }), NAMES, PIXELS), [
      { class: 1, name: "dog", confidence: 0.75 },
      { class: 0, name: "cat", confidence: 0.25 },
    ]);
  });

  it("gives a class beyond the names its number", () => {
    const rows = Float32Array.of(0, 0, 1, 1, 0.5, 7);
    assert.equal(toResults(findings({ rows }), NAMES, PIXELS)[0]?.name, "7");
  });
});

describe("toResultsInTurns and toJson", () => {
  const points = 1_000;
  const objects = 300;
  const rows = Float32Array.from({ length: objects * 6 }, (_, i) => (i % 6 === 5 ? i % 2 : i / 7));
  const masks = Array.from({ length: objects }, (_, object) => ({
    outline: Float32Array.from({ length: 2 * points }, (_, i) => object + i / 3),
  }));
  const most = findings({ task: "segment", rows, masks });

  it("give what toResults gives, and its JSON", async () => {
    const expected = toResults(most, NAMES, PIXELS);
    const results = await toResultsInTurns(most, NAMES, PIXELS);
    assert.deepEqual(results, expected);
    const image = { shape: [1, 2], results, speed: most.speed } satisfies ImageResult;
    assert.deepEqual(JSON.parse(await toJson(image)), image);
    const nothing = { ...image, results: [] };
    assert.deepEqual(JSON.parse(await toJson(nothing)), nothing);
  });

  it("let others have their turn all the while", async () => {
    const busy = () => process.threadCpuUsage().user / 1000;
    let longest = 0;
    let last = busy();
    let turns = 0;
    const timer = setInterval(() => {
      const now = busy();
      longest = Math.max(longest, now - last);
      last = now;
      turns++;
    }, 1);
    const results = await toResultsInTurns(most, NAMES, PIXELS);
    await toJson({ shape: [1, 2], results, speed: most.speed });
    clearInterval(timer);
    assert.ok(turns >= 5, `${turns} turns`);
    assert.ok(longest < 50, `${longest} ms`);
  });
});

import assert from "node:assert/strict";
import type { Model } from "../../service/src/model/layout.ts";
import { readClassify } from "../../service/src/tasks/classify.ts";
import { readPose } from "../../service/src/tasks/pose.ts";
import { readSegment } from "../../service/src/tasks/segment.ts";
import { largestOutline } from "../../service/src/vision/contour.ts";
import { cropSquare } from "../../service/src/vision/crop.ts";
import type { Bitmap } from "../../service/src/vision/mask.ts";
import { selectRotated } from "../../service/src/vision/rotated.ts";
import { dyadics, headOutput, noise, units } from "./generate.ts";
import { sha256 } from "./support.ts";
import { floats, optionsOf, readTaskGoldens } from "./task-goldens.ts";

const GOLDENS = readTaskGoldens();

/** A model of which only what the readers look at is told. */
function modelOf(change: Partial<Model>): Model {
  const size = { width: 64, height: 64, inputs: [], outputs: [], names: ["a"] };
  return {
    task: "detect",
    layout: "end-to-end",
    input: "images",
    inputType: "float32",
    output: "output0",
    extra: 0,
    ...size,
    ...change,
  };
}

const WHOLE = {
  width: 64,
  height: 64,
  scaledWidth: 64,
  scaledHeight: 64,
  left: 0,
  top: 0,
  inputWidth: 64,
  inputHeight: 64,
};

describe("readSegment", () => {
  for (const { seed, fit, shape, objects, rows, masks } of GOLDENS.masks) {
    const [channels, height, width] = shape;
    it(`draws, outlines and encodes ${masks.length} masks of ${fit.width} x ${fit.height} pixels as the reference does`, () => {
      const coefficients = dyadics(seed + 100, objects * channels);
      const place = units(seed + 200, objects * 4);
      const data = Float32Array.from(
        Array.from({ length: objects }, (_, i) => {
          const [x = 0, y = 0, w = 0, h = 0] = place.slice(i * 4, i * 4 + 4);
          const left = Math.floor(x * fit.inputWidth) - 4;
          const top = Math.floor(y * fit.inputHeight) - 4;
          const corner = [left + 1 + Math.floor(w * fit.inputWidth), top + 1 + Math.floor(h * fit.inputHeight)];
          return [left, top, ...corner, 1 - i / 16, 0, ...coefficients.subarray(i * channels, (i + 1) * channels)];
        }).flat(),
      );
      const found = readSegment({
        model: modelOf({ task: "segment", extra: channels }),
        head: { data, classes: 1, extra: channels },
        fit,
        options: optionsOf({}),
        prototypes: { data: dyadics(seed, channels * height * width), channels, height, width },
      });
      assert.deepEqual(found.rows, floats(rows));
      assert.equal(found.masks?.length, masks.length);
      for (const [i, mask] of (found.masks ?? []).entries()) {
        assert.deepEqual(mask.outline, floats(masks[i]?.outline ?? ""), `outline ${i}`);
        assert.equal(mask.counts, masks[i]?.counts, `run lengths ${i}`);
      }
    });
  }

  const one = (coefficient: number) => {
    const data = Float32Array.of(8, 8, 40, 40, 0.9, 0, coefficient);
    const prototypes = { data: new Float32Array(16 * 16).fill(1), channels: 1, height: 16, width: 16 };
    const head = { data, classes: 1, extra: 1 };
    const options = { ...optionsOf({}), runLengths: false };
    return readSegment({
      model: modelOf({ task: "segment", extra: 1 }),
      head,
      fit: WHOLE,
      options,
      prototypes,
    });
  };

  it("drops an object without a pixel, and makes run lengths only when asked", () => {
    assert.equal(one(-1).rows.length, 0);
    assert.deepEqual(one(-1).masks, []);
    assert.equal(one(1).rows.length, 6);
    assert.equal(one(1).masks?.[0]?.counts, undefined);
  });

  it("drops an object whose mask is not a number", () => {
    assert.equal(one(Number.NaN).rows.length, 0);
  });
});

describe("largestOutline", () => {
  for (const { seed, size, share, outline } of GOLDENS.outlines) {
    const [width, height] = size;
    it(`outlines ${width} x ${height} pixels, ${share * 100} % set, as OpenCV does`, () => {
      const bitmap: Bitmap = { left: 0, top: 0, width, height, data: new Int8Array((width + 2) * (height + 2)) };
      units(seed, width * height).forEach((value, i) => {
        const row = Math.floor(i / width) + 1;
        bitmap.data[row * (width + 2) + (i % width) + 1] = value < share ? 1 : 0;
      });
      assert.deepEqual([...largestOutline(bitmap)], outline);
    });
  }

  it("gives no point for no pixel", () => {
    assert.equal(largestOutline({ left: 0, top: 0, width: 2, height: 2, data: new Int8Array(16) }).length, 0);
  });
});

describe("selectRotated", () => {
  for (const { seed, classes, anchors, share, selection, count, rows } of GOLDENS.rotated) {
    it(`keeps ${count} of ${anchors} boxes of ${classes} classes (${JSON.stringify(selection)}), as the reference does`, () => {
      const angles = units(seed + 100, anchors).map((value) => value * Math.PI - Math.PI / 4);
      const data = Float32Array.from([...headOutput(seed, classes, anchors, share), ...angles]);
      assert.deepEqual(selectRotated({ data, classes, extra: 1 }, optionsOf(selection)), floats(rows));
    });
  }

  it("ends soon with thousands of boxes in one place", () => {
    const anchors = 20_000;
    const data = new Float32Array(6 * anchors).fill(30);
    data.fill(0.9, 4 * anchors, 5 * anchors);
    data.fill(0.1, 5 * anchors);
    assert.equal(selectRotated({ data, classes: 1, extra: 1 }, optionsOf({})).length, 7);
  });
});

describe("cropSquare", () => {
  for (const { image, side, seed, sha256: expected } of GOLDENS.crops) {
    const [width, height] = image;
    it(`scales ${width} x ${height} to a square of ${side} as Pillow and torchvision do, bit for bit`, () => {
      assert.equal(sha256(cropSquare({ width, height, data: noise(width, height, seed) }, side)), expected);
    });
  }
});

describe("readPose", () => {
  const computed = (size: 2 | 3, values: number[]) => ({
    model: modelOf({ task: "pose", extra: size, keypoints: { count: 1, size } }),
    head: { data: Float32Array.from([10, 10, 30, 30, 0.5, 0, ...values]), classes: 1, extra: size },
    fit: { ...WHOLE, width: 128, height: 128 },
    options: optionsOf({}),
  });

  it("scales and clips keypoints", () => {
    const { rows, columns } = readPose(computed(3, [20, 70, 0.25]));
    assert.deepEqual([columns, ...rows], [9, 20, 20, 60, 60, 0.5, 0, 40, 128, 0.25]);
  });

  it("is sure of keypoints of a model that gives no visibility", () => {
    assert.deepEqual([...readPose(computed(2, [20, 10])).rows.subarray(6)], [40, 20, 1]);
  });
});

describe("readClassify", () => {
  const scores = Float32Array.of(0.1, 0.3, 0.05, 0.3, 0.2, 0.03, 0.02);
  const read = (selection: Parameters<typeof optionsOf>[0]) =>
    readClassify({
      model: modelOf({ task: "classify", layout: "scores" }),
      head: { data: scores, classes: 7, extra: 0 },
      fit: WHOLE,
      options: optionsOf(selection),
    });

  it("gives the five surest classes, whatever the threshold; of equal ones the first comes first", () => {
    const classes = [...read({ conf: 0.9 }).rows].filter((_, i) => i % 2 === 1);
    assert.deepEqual(classes, [1, 3, 4, 0, 2]);
  });

  it("keeps to the classes and the number that are asked for", () => {
    const { rows, columns } = read({ classes: [0, 6, 4], maxDet: 2 });
    assert.deepEqual([columns, ...rows], [2, Math.fround(0.2), 4, Math.fround(0.1), 0]);
  });
});

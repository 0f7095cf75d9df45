import assert from "node:assert/strict";
import { RequestError } from "../../service/src/errors.ts";
import type { Model } from "../../service/src/model/layout.ts";
import { readSegment } from "../../service/src/tasks/segment.ts";
import { optionsOf } from "./task-goldens.ts";

const MODEL: Model = {
  task: "segment",
  layout: "end-to-end",
  input: "images",
  inputType: "float32",
  output: "output0",
  extra: 1,
  width: 64,
  height: 64,
  inputs: [],
  outputs: [],
  names: ["a"],
};

/** A photo of 49.7 megapixels. */
const FIT = {
  width: 7000,
  height: 7100,
  scaledWidth: 63,
  scaledHeight: 64,
  left: 0,
  top: 0,
  inputWidth: 64,
  inputHeight: 64,
};

/** Objects that fill boxes. */
function read(boxes: readonly (readonly [number, number, number, number])[], runLengths: boolean) {
  const data = Float32Array.from(boxes.flatMap((box) => [...box, 0.9, 0, 1]));
  const prototypes = { data: new Float32Array(16 * 16).fill(1), channels: 1, height: 16, width: 16 };
  const head = { data, classes: 1, extra: 1 };
  return readSegment({ model: MODEL, head, fit: FIT, options: { ...optionsOf({}), runLengths }, prototypes });
}

const WHOLE = [0, 0, 64, 64] as const;
const SMALL = [8, 8, 16, 16] as const;

describe("run lengths of masks", () => {
  it("are refused where they would take many seconds, before the work, with what to do", () => {
    const boxes = Array.from({ length: 300 }, () => WHOLE);
    const start = performance.now();
    assert.throws(
      () => read(boxes, true),
      (error: unknown) => {
        assert.ok(error instanceof RequestError && error.code === "YOLO_PARAMETER_INVALID", String(error));
        assert.match(
          error.message,
          /at most 400000000 pixels together for masks=rle but found 300 objects of 15\d{9};/,
        );
        assert.match(error.message, /max_det.*masks=polygon/);
        return true;
      },
    );
    const took = performance.now() - start;
    assert.ok(took < 200, `${took} ms`);
  });

  it("are refused for boxes that are not numbers, and for those that reach far out of the image", () => {
    for (const box of [
      [Number.NaN, 0, 64, 64],
      [-1e9, -1e9, 1e9, 1e9],
    ] as const) {
      assert.throws(
        () =>
          read(
            Array.from({ length: 10 }, () => box),
            true,
          ),
        RequestError,
      );
    }
  });

  it("are made of a few objects as large as the photo, and of many small ones", () => {
    assert.equal(
      read(
        Array.from({ length: 7 }, () => WHOLE),
        true,
      ).masks?.length,
      7,
    );
    assert.equal(
      read(
        Array.from({ length: 30 }, () => SMALL),
        true,
      ).masks?.length,
      30,
    );
  });

  it("do not bound outlines", () => {
    assert.equal(
      read(
        Array.from({ length: 300 }, () => WHOLE),
        false,
      ).masks?.length,
      300,
    );
  });
});

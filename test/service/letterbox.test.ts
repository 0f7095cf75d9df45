import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import {
  fitImage,
  letterboxPixels,
  letterboxPlanes,
  type Placed,
  roundHalfEven,
} from "../../service/src/vision/letterbox.ts";
import { compileLetterbox, LETTERBOX_WASM } from "../../service/wasm/build.ts";
import { noise } from "./generate.ts";
import { letterbox, toPlanes } from "./letterbox-reference.ts";
import { readGoldens, sha256 } from "./support.ts";

function place(image: [number, number], input: [number, number], seed: number, stride?: number): Placed {
  const [width, height] = image;
  const fit = fitImage(width, height, { width: input[0], height: input[1] }, stride);
  return { image: { width, height, data: noise(width, height, seed) }, fit };
}

function planesOf({ image, fit }: Placed): Float32Array {
  const pixels = letterbox(image, fit);
  const planes = new Float32Array(pixels.length);
  toPlanes(pixels, planes);
  return planes;
}

/** Compares bytes, so that the message stays short and -0 is not 0. */
function same(found: Uint8Array | Float32Array, expected: Uint8Array | Float32Array, what: string) {
  assert.equal(Buffer.compare(bytes(found), bytes(expected)), 0, what);
}

function bytes({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

// P26: boxes are wrong without it.
describe("letterbox", function () {
  // Noise of the larger sizes takes a slow machine seconds.
  this.timeout(60_000);

  for (const golden of readGoldens().letterbox) {
    const { image, input, stride, seed, size } = golden;
    it(`scales ${image.join(" x ")} into ${input.join(" x ")}${stride ? `, stride ${stride},` : ""} as OpenCV does, bit for bit`, () => {
      const placed = place(image, input, seed, stride ?? undefined);
      assert.deepEqual([placed.fit.inputWidth, placed.fit.inputHeight], size);
      const pixels = letterboxPixels([placed]);
      if (golden.pixels !== undefined) assert.deepEqual(Buffer.from(pixels).toString("base64"), golden.pixels);
      assert.equal(sha256(pixels), golden.sha256);
      same(letterboxPlanes([placed]), planesOf(placed), "planes");
    });
  }

  it("gives for any size, up and down, what the plain implementation gives", () => {
    const side = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 400 }));
    const sizes = fc.tuple(side, side);
    fc.assert(
      fc.property(
        sizes,
        sizes,
        fc.option(fc.integer({ min: 1, max: 32 }), { nil: undefined }),
        (image, input, stride) => {
          const placed = place(image, input, 7, stride);
          same(letterboxPixels([placed]), letterbox(placed.image, placed.fit), "pixels");
          same(letterboxPlanes([placed]), planesOf(placed), "planes");
        },
      ),
      { numRuns: 300 },
    );
  });

  it("divides each of the 256 values by 255 with correct rounding", () => {
    const data = Uint8Array.from({ length: 256 * 3 }, (_, i) => Math.floor(i / 3));
    const placed = { image: { width: 16, height: 16, data }, fit: fitImage(16, 16, { width: 16, height: 16 }) };
    const expected = Float32Array.from({ length: 256 }, (_, value) => value / 255);
    same(letterboxPlanes([placed]).subarray(0, 256), expected, "units");
  });

  it("puts several images one after the other, and zeros where a fixed batch has room for more", () => {
    const images = [place([50, 40], [32, 32], 1), place([9, 100], [32, 32], 2)];
    const size = 32 * 32 * 3;
    // What is there before must not be seen.
    letterboxPlanes([place([500, 500], [200, 200], 3)]);
    const planes = letterboxPlanes(images, 4);
    assert.equal(planes.length, 4 * size);
    for (const [i, placed] of images.entries()) {
      same(planes.subarray(i * size, (i + 1) * size), planesOf(placed), `image ${i}`);
    }
    same(planes.subarray(2 * size), new Float32Array(2 * size), "the rest of the batch");
    const pixels = letterboxPixels(images, 3);
    for (const [i, { image, fit }] of images.entries()) {
      same(pixels.subarray(i * size, (i + 1) * size), letterbox(image, fit), `pixels of image ${i}`);
    }
    same(pixels.subarray(2 * size), new Uint8Array(size), "the rest of the batch of pixels");
  });

  it("takes images of extreme shape, and keeps no memory for them", () => {
    for (const size of [
      [1, 3_000_000],
      [3_000_000, 1],
      [40_000_000, 2],
    ] as const) {
      const placed = place([64, 64], [64, 64], 1);
      const [width, height] = size;
      const wide = {
        image: { width, height, data: new Uint8Array(width * height * 3).fill(77) },
        fit: fitImage(width, height, { width: 64, height: 64 }),
      };
      same(letterboxPixels([wide]), letterbox(wide.image, wide.fit), size.join(" x "));
      same(letterboxPlanes([placed]), planesOf(placed), "the next one");
    }
    assert.ok(letterboxPixels([place([8, 8], [8, 8], 1)]).buffer.byteLength < 64 * 1024 * 1024);
  });

  it("rounds halves to the even neighbour, as Python does", () => {
    assert.deepEqual([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6].map(roundHalfEven), [0, 2, 2, 0, -2, 2, 3]);
  });

  it("is the WebAssembly that its source compiles to", async () => {
    assert.equal(Buffer.compare(await compileLetterbox(), readFileSync(LETTERBOX_WASM)), 0);
  });
});

import { readFileSync } from "node:fs";
import type { Fit } from "./boxes.ts";

/** An image of 8-bit RGB pixels, row by row, without padding. */
export interface RgbImage {
  data: Uint8Array;
  width: number;
  height: number;
}

/** Rounds halves to the even neighbour, as Python's `round` and OpenCV's `cvRound` do. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Decides how an image of `width` x `height` is fitted into the model's input without changing its aspect ratio.
 * With `stride`, for a model of dynamic size, the input is only as large as the image needs, in multiples of the stride.
 * An image so narrow that a side would vanish keeps one pixel, where the vendor's code fails.
 */
export function fitImage(
  width: number,
  height: number,
  input: { width: number; height: number },
  stride?: number,
): Fit {
  const ratio = Math.min(input.height / height, input.width / width);
  const scaledWidth = Math.max(1, roundHalfEven(width * ratio));
  const scaledHeight = Math.max(1, roundHalfEven(height * ratio));
  const spareX = input.width - scaledWidth;
  const spareY = input.height - scaledHeight;
  const padX = stride === undefined ? spareX : spareX % stride;
  const padY = stride === undefined ? spareY : spareY % stride;
  return {
    width,
    height,
    scaledWidth,
    scaledHeight,
    left: roundHalfEven(padX / 2 - 0.1),
    top: roundHalfEven(padY / 2 - 0.1),
    inputWidth: scaledWidth + padX,
    inputHeight: scaledHeight + padY,
  };
}

/** An image, and how it is fitted into the model's input. */
export interface Placed {
  image: RgbImage;
  fit: Fit;
}

/** What `service/wasm/letterbox.ts` exports. */
interface Exports {
  memory: { buffer: ArrayBuffer };
  begin(
    bytesPerNumber: number,
    count: number,
    width: number,
    height: number,
    scaledWidth: number,
    scaledHeight: number,
    left: number,
    top: number,
    inputWidth: number,
    inputHeight: number,
    bandBytes: number,
  ): number;
  input(): number;
  firstRow(y: number): number;
  lastRow(y: number): number;
  write(index: number, from: number, to: number, bandRow: number): void;
}

// TypeScript knows WebAssembly only as a part of browsers.
declare const WebAssembly: {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
};

/** Source rows are handed over in bands of about this size, which stay in a processor's nearest caches. */
const BAND_BYTES = 64 * 1024;

/** Memory never shrinks; once there is this much beside the input, which only images of absurd width need, it is dropped. */
const SPARE_BYTES = 64 * 1024 * 1024;

const MODULE = new WebAssembly.Module(readFileSync(new URL("letterbox.wasm", import.meta.url)));

const instantiate = () => new WebAssembly.Instance(MODULE).exports as Exports;

let wasm = instantiate();

/**
 * Scales images into one input of a model and pads them: planes of red, green and blue from 0 to 1,
 * `[batch, 3, height, width]`, of which those beyond the images are zero. Bit-exact with what the vendor's preprocessing
 * makes with OpenCV's `resize` (INTER_LINEAR) and `copyMakeBorder`. All fits have the same input size.
 * The result is memory that the next call overwrites, also a call of `letterboxPixels`.
 */
export function letterboxPlanes(images: readonly Placed[], batch: number = images.length): Float32Array {
  const used = letterbox(images, batch, Float32Array.BYTES_PER_ELEMENT);
  return new Float32Array(wasm.memory.buffer, wasm.input(), (used / images.length) * batch).fill(0, used);
}

/** As `letterboxPlanes`, but 8-bit RGB pixels, `[batch, height, width, 3]`. */
export function letterboxPixels(images: readonly Placed[], batch: number = images.length): Uint8Array {
  const used = letterbox(images, batch, Uint8Array.BYTES_PER_ELEMENT);
  return new Uint8Array(wasm.memory.buffer, wasm.input(), (used / images.length) * batch).fill(0, used);
}

/** Returns how many numbers the images fill. */
function letterbox(images: readonly Placed[], batch: number, bytesPerNumber: number): number {
  const { inputWidth: width = 0, inputHeight: height = 0 } = images[0]?.fit ?? {};
  const size = 3 * width * height;
  if (wasm.memory.buffer.byteLength > size * batch * bytesPerNumber + SPARE_BYTES) wasm = instantiate();
  images.forEach(({ image, fit }, index) => {
    const { inputWidth, inputHeight, scaledWidth, scaledHeight, left, top } = fit;
    const row = image.width * 3;
    // Where an image shrinks to less than half, most bands would carry rows that nobody reads.
    const rows = image.height > 2 * scaledHeight ? 2 : Math.max(2, Math.floor(BAND_BYTES / row));
    const band = wasm.begin(
      bytesPerNumber,
      batch,
      image.width,
      image.height,
      scaledWidth,
      scaledHeight,
      left,
      top,
      inputWidth,
      inputHeight,
      rows * row,
    );
    const memory = new Uint8Array(wasm.memory.buffer);
    for (let from = 0; from < scaledHeight; ) {
      const first = wasm.firstRow(from);
      let to = from + 1;
      while (to < scaledHeight && wasm.lastRow(to) - first < rows) to++;
      memory.set(image.data.subarray(first * row, (wasm.lastRow(to - 1) + 1) * row), band);
      wasm.write(index, from, to, first);
      from = to;
    }
  });
  return size * images.length;
}

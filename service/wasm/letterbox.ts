/**
 * The letterbox, in AssemblyScript for WebAssembly with SIMD: scales 8-bit RGB into a model's input and pads it, in one
 * pass. `node service/wasm/build.ts` compiles it to `service/src/vision/letterbox.wasm`, which only
 * `letterbox.ts` beside that file calls. Bit-exact with OpenCV's `resize` (INTER_LINEAR) for 8-bit images, whose
 * fixed-point arithmetic it follows: https://github.com/opencv/opencv/blob/4.x/modules/imgproc/src/resize.cpp
 *
 * The memory, in this order: the input, a table of columns, two scaled source rows, a band of the image.
 */

import { blend, LANES, padPixels, padUnits, putPixels, putUnits, weigh } from "./lanes";

/** OpenCV's weights have 11 bits (INTER_RESIZE_COEF_BITS). */
const WEIGHT_SCALE: f32 = 2048;

/** Where a few numbers are put that are fewer than a vector; and where the input begins. */
const SCRATCH: usize = 16;
const START: usize = 64;

/** Bytes that vector loads may read past what they need. */
const SLACK: usize = 64;

let imageWidth: i32 = 0;
let imageHeight: i32 = 0;
let scaledWidth: i32 = 0;
let scaledHeight: i32 = 0;
let left: i32 = 0;
let top: i32 = 0;
let inputWidth: i32 = 0;
let inputHeight: i32 = 0;
/** Bytes per number: 4 for planes of float32 from 0 to 1, 1 for pixels of uint8. */
let numberSize: i32 = 4;

let offsets: usize = 0;
let weights: usize = 0;
/** The two source rows that are scaled horizontally: three planes of 16-bit numbers each, and which rows they are. */
let upper: usize = 0;
let lower: usize = 0;
let upperRow: i32 = -1;
let lowerRow: i32 = -1;
let band: usize = 0;

/** Rounds up to a multiple of 16. */
function align(value: usize): usize {
  return (value + 15) & ~(<usize>15);
}

/** Columns rounded up to whole vectors. */
function paddedWidth(): i32 {
  return (scaledWidth + LANES - 1) & ~(LANES - 1);
}

/** Where the source position of a target position lies; the reciprocal of a quotient, because OpenCV computes it so. */
function position(target: i32, targetSize: i32, sourceSize: i32): f32 {
  const scale: f64 = 1.0 / (<f64>targetSize / <f64>sourceSize);
  return <f32>((<f64>target + 0.5) * scale - 0.5);
}

/** The weights of the first source position and of its successor, in the low and the high half. */
function weightPair(at: f32): i32 {
  const fraction: f32 = at - floor<f32>(at);
  const near = <i32>nearest<f32>((1 - fraction) * WEIGHT_SCALE);
  const far = <i32>nearest<f32>(fraction * WEIGHT_SCALE);
  return near | (far << 16);
}

/**
 * Prepares for one of `count` images that share an input; sizes are in pixels. Returns where bands of its rows go, each of
 * `bandBytes` at most.
 */
export function begin(
  bytesPerNumber: i32,
  count: i32,
  width: i32,
  height: i32,
  widthAfter: i32,
  heightAfter: i32,
  padLeft: i32,
  padTop: i32,
  widthOfInput: i32,
  heightOfInput: i32,
  bandBytes: usize,
): usize {
  numberSize = bytesPerNumber;
  imageWidth = width;
  imageHeight = height;
  scaledWidth = widthAfter;
  scaledHeight = heightAfter;
  left = padLeft;
  top = padTop;
  inputWidth = widthOfInput;
  inputHeight = heightOfInput;
  const columns = <usize>paddedWidth();
  offsets = align(START + <usize>count * 3 * <usize>inputWidth * <usize>inputHeight * <usize>numberSize);
  weights = offsets + columns * 4;
  upper = align(weights + columns * 4);
  lower = upper + columns * 6;
  band = align(lower + columns * 6);
  upperRow = -1;
  lowerRow = -1;
  const missing = <i64>((<u64>band + <u64>bandBytes + SLACK + 0xffff) >> 16) - <i64>memory.size();
  if (missing > 0 && memory.grow(<i32>missing) < 0) unreachable();
  for (let x = 0; x < <i32>columns; x++) {
    const at = position(min(x, scaledWidth - 1), scaledWidth, imageWidth);
    const column = <i32>floor<f32>(at);
    const inside = column >= 0 && column < imageWidth - 1;
    store<u32>(offsets + ((<usize>x) << 2), <u32>max(0, min(column, imageWidth - 1)) * 3);
    store<i32>(weights + ((<usize>x) << 2), inside ? weightPair(at) : <i32>WEIGHT_SCALE);
  }
  return band;
}

/** Where the model's input begins. */
export function input(): usize {
  return START;
}

function clampRow(row: i32): i32 {
  return max(0, min(row, imageHeight - 1));
}

/** The first source row that a row of the scaled image needs. */
export function firstRow(y: i32): i32 {
  return clampRow(<i32>floor<f32>(position(y, scaledHeight, imageHeight)));
}

/** The last source row that a row of the scaled image needs. */
export function lastRow(y: i32): i32 {
  return clampRow(<i32>floor<f32>(position(y, scaledHeight, imageHeight)) + 1);
}

/** Scales one source row to three planes of 16-bit numbers. */
function scaleRow(source: usize, target: usize): void {
  const columns = paddedWidth();
  const plane = (<usize>columns) << 1;
  for (let x = 0; x < columns; x += LANES) {
    const at = (<usize>x) << 2;
    const o = offsets + at;
    let p01 = v128.load64_zero(source + load<u32>(o));
    p01 = v128.load64_lane(source + load<u32>(o, 4), p01, 1);
    let p23 = v128.load64_zero(source + load<u32>(o, 8));
    p23 = v128.load64_lane(source + load<u32>(o, 12), p23, 1);
    let p45 = v128.load64_zero(source + load<u32>(o, 16));
    p45 = v128.load64_lane(source + load<u32>(o, 20), p45, 1);
    let p67 = v128.load64_zero(source + load<u32>(o, 24));
    p67 = v128.load64_lane(source + load<u32>(o, 28), p67, 1);
    const w0 = v128.load(weights + at);
    const w4 = v128.load(weights + at, 16);
    // Reds of four pixels, each beside its neighbour's, then greens; and blues.
    const rg0 = i8x16.shuffle(p01, p23, 0, 3, 8, 11, 16, 19, 24, 27, 1, 4, 9, 12, 17, 20, 25, 28);
    const rg4 = i8x16.shuffle(p45, p67, 0, 3, 8, 11, 16, 19, 24, 27, 1, 4, 9, 12, 17, 20, 25, 28);
    const b0 = i8x16.shuffle(p01, p23, 2, 5, 10, 13, 18, 21, 26, 29, 2, 5, 10, 13, 18, 21, 26, 29);
    const b4 = i8x16.shuffle(p45, p67, 2, 5, 10, 13, 18, 21, 26, 29, 2, 5, 10, 13, 18, 21, 26, 29);
    const out = target + ((<usize>x) << 1);
    v128.store(out, weigh(i16x8.extend_low_i8x16_u(rg0), i16x8.extend_low_i8x16_u(rg4), w0, w4));
    v128.store(out + plane, weigh(i16x8.extend_high_i8x16_u(rg0), i16x8.extend_high_i8x16_u(rg4), w0, w4));
    v128.store(out + 2 * plane, weigh(i16x8.extend_low_i8x16_u(b0), i16x8.extend_low_i8x16_u(b4), w0, w4));
  }
}

/** Writes one row of one plane, without its padding. */
function writeUnits(target: usize, above: usize, below: usize, near: v128, far: v128): void {
  if (scaledWidth < LANES) {
    putUnits(SCRATCH, blend(above, below, near, far));
    memory.copy(target, SCRATCH, (<usize>scaledWidth) << 2);
    return;
  }
  const last = <usize>(scaledWidth - LANES);
  for (let x: usize = 0; x < last; x += LANES) {
    putUnits(target + (x << 2), blend(above + (x << 1), below + (x << 1), near, far));
  }
  // The last vector may overlap the one before it, so that nothing is written outside the row.
  putUnits(target + (last << 2), blend(above + (last << 1), below + (last << 1), near, far));
}

/** Blends eight pixels of both rows, of which `plane` is the size of a plane in bytes, and writes them. */
function blendPixels(target: usize, above: usize, below: usize, plane: usize, near: v128, far: v128): void {
  const red = blend(above, below, near, far);
  const green = blend(above + plane, below + plane, near, far);
  const blue = blend(above + 2 * plane, below + 2 * plane, near, far);
  putPixels(target, red, green, blue);
}

/** Writes one row of pixels, without its padding. */
function writePixels(target: usize, plane: usize, near: v128, far: v128): void {
  if (scaledWidth < LANES) {
    blendPixels(SCRATCH, upper, lower, plane, near, far);
    memory.copy(target, SCRATCH, <usize>scaledWidth * 3);
    return;
  }
  const last = <usize>(scaledWidth - LANES);
  for (let x: usize = 0; x < last; x += LANES) {
    blendPixels(target + x * 3, upper + (x << 1), lower + (x << 1), plane, near, far);
  }
  blendPixels(target + last * 3, upper + (last << 1), lower + (last << 1), plane, near, far);
}

/** Makes `upper` and `lower` the source rows that a row of the scaled image needs; most are already there. */
function loadRows(y: i32, bandRow: i32): void {
  const bytesPerRow = <usize>imageWidth * 3;
  const upperWanted = firstRow(y);
  const lowerWanted = lastRow(y);
  if (upperRow !== upperWanted) {
    if (lowerRow === upperWanted) {
      const spare = upper;
      upper = lower;
      lower = spare;
      lowerRow = upperRow;
    } else scaleRow(band + <usize>(upperWanted - bandRow) * bytesPerRow, upper);
    upperRow = upperWanted;
  }
  if (lowerRow !== lowerWanted) {
    scaleRow(band + <usize>(lowerWanted - bandRow) * bytesPerRow, lower);
    lowerRow = lowerWanted;
  }
}

/**
 * Writes rows `from` to below `to` of the scaled image, with the padding around them, into the planes (float32) or the
 * pixels (uint8) of the `index`th image, from a band of source rows of which the first is `bandRow`.
 */
export function write(index: i32, from: i32, to: i32, bandRow: i32): void {
  const area = <usize>inputWidth * <usize>inputHeight;
  const image = START + <usize>index * 3 * area * <usize>numberSize;
  const plane = (<usize>paddedWidth()) << 1;
  const right = left + scaledWidth;
  for (let y = from; y < to; y++) {
    loadRows(y, bandRow);
    // Outside the image both rows are the same one; the weights stay, and their products are truncated apart.
    const pair = weightPair(position(y, scaledHeight, imageHeight));
    const near = i16x8.splat(<i16>pair);
    const far = i16x8.splat(<i16>(pair >> 16));
    const line = <usize>(top + y) * <usize>inputWidth;
    if (numberSize === 1) {
      const target = image + line * 3;
      padPixels(target, left);
      writePixels(target + <usize>left * 3, plane, near, far);
      padPixels(target + <usize>right * 3, inputWidth - right);
      continue;
    }
    for (let p: usize = 0; p < 3; p++) {
      const target = image + (p * area + line) * 4;
      padUnits(target, left);
      writeUnits(target + <usize>left * 4, upper + p * plane, lower + p * plane, near, far);
      padUnits(target + <usize>right * 4, inputWidth - right);
    }
  }
  if (from === 0) padRows(image, area, 0, top);
  if (to === scaledHeight) padRows(image, area, top + scaledHeight, inputHeight);
}

/** Writes padding to whole rows of the input. */
function padRows(image: usize, area: usize, from: i32, to: i32): void {
  const start = <usize>from * <usize>inputWidth;
  const count = (to - from) * inputWidth;
  if (numberSize === 1) padPixels(image + start * 3, count);
  else for (let p: usize = 0; p < 3; p++) padUnits(image + (p * area + start) * 4, count);
}

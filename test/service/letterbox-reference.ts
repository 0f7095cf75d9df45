import type { Fit } from "../../service/src/vision/boxes.ts";
import { type RgbImage, roundHalfEven } from "../../service/src/vision/letterbox.ts";

/** The letterbox in plain TypeScript, against which the one in WebAssembly is held. */

/** Value of the three channels of the padding, as in Ultralytics' LetterBox. */
const PADDING = 114;

/** OpenCV's fixed-point weights have 11 bits (INTER_RESIZE_COEF_BITS in modules/imgproc/src/resize.cpp). */
const WEIGHT_SCALE = 2048;

/** For each target position the first source position and the weights of it and of its successor. */
function weights(source: number, target: number) {
  // The reciprocal of a quotient, in this order, because that is how OpenCV arrives at the scale.
  const scale = 1 / (target / source);
  const first = new Int32Array(target);
  const near = new Int32Array(target);
  const far = new Int32Array(target);
  for (let i = 0; i < target; i++) {
    const position = Math.fround((i + 0.5) * scale - 0.5);
    const floor = Math.floor(position);
    const fraction = Math.fround(position - floor);
    first[i] = floor;
    near[i] = roundHalfEven(Math.fround(Math.fround(1 - fraction) * WEIGHT_SCALE));
    far[i] = roundHalfEven(Math.fround(fraction * WEIGHT_SCALE));
  }
  return { first, near, far };
}

/**
 * Scales an image into the model's input and pads it: 8-bit RGB, row by row, bit-exact with OpenCV's `resize`
 * (INTER_LINEAR) and `copyMakeBorder` as the vendor's preprocessing calls them.
 */
export function letterbox(image: RgbImage, fit: Fit): Uint8Array {
  const { inputWidth, inputHeight, scaledWidth, scaledHeight, left, top } = fit;
  const output = new Uint8Array(inputWidth * inputHeight * 3);
  if (scaledWidth !== inputWidth || scaledHeight !== inputHeight) output.fill(PADDING);
  const stride = inputWidth * 3;
  const start = top * stride + left * 3;
  if (image.width === scaledWidth && image.height === scaledHeight) {
    const row = image.width * 3;
    for (let y = 0; y < image.height; y++) output.set(image.data.subarray(y * row, (y + 1) * row), start + y * stride);
    return output;
  }
  resize(image, fit, output, start, stride);
  return output;
}

function resize(image: RgbImage, fit: Fit, output: Uint8Array, start: number, stride: number): void {
  const { scaledWidth, scaledHeight } = fit;
  const columns = clampColumns(weights(image.width, scaledWidth), image.width);
  const rows = weights(image.height, scaledHeight);
  const size = scaledWidth * 3;
  let upper: Int32Array = new Int32Array(size);
  let lower: Int32Array = new Int32Array(size);
  let upperRow = -1;
  let lowerRow = -1;
  const lastRow = image.height - 1;
  for (let y = 0; y < scaledHeight; y++) {
    const first = rows.first[y] ?? 0;
    // Outside the image both rows are the same one; the weights stay, and their products are truncated apart.
    const upperWanted = Math.min(Math.max(first, 0), lastRow);
    const lowerWanted = Math.min(Math.max(first + 1, 0), lastRow);
    if (upperRow !== upperWanted) {
      if (lowerRow === upperWanted) {
        [upper, lower] = [lower, upper];
        lowerRow = upperRow;
      } else resizeRow(image, upperWanted, columns, upper);
      upperRow = upperWanted;
    }
    if (lowerRow !== lowerWanted) {
      resizeRow(image, lowerWanted, columns, lower);
      lowerRow = lowerWanted;
    }
    blendRows(upper, lower, rows.near[y] ?? 0, rows.far[y] ?? 0, output, start + y * stride);
  }
}

/** Turns columns outside the image into its edge columns, and source columns into offsets of bytes. */
function clampColumns({ first, near, far }: ReturnType<typeof weights>, width: number) {
  const second = new Int32Array(first.length);
  for (let i = 0; i < first.length; i++) {
    const column = first[i] ?? 0;
    if (column < 0 || column >= width - 1) {
      first[i] = Math.max(0, Math.min(column, width - 1));
      near[i] = WEIGHT_SCALE;
      far[i] = 0;
    }
    first[i] = (first[i] ?? 0) * 3;
    second[i] = column < 0 || column >= width - 1 ? (first[i] ?? 0) : (first[i] ?? 0) + 3;
  }
  return { first, second, near, far };
}

function resizeRow(image: RgbImage, y: number, columns: ReturnType<typeof clampColumns>, target: Int32Array): void {
  const { data, width } = image;
  const { first, second, near, far } = columns;
  const row = y * width * 3;
  for (let x = 0, out = 0; x < first.length; x++, out += 3) {
    const a = row + (first[x] as number);
    const b = row + (second[x] as number);
    const nearWeight = near[x] as number;
    const farWeight = far[x] as number;
    target[out] = (data[a] as number) * nearWeight + (data[b] as number) * farWeight;
    target[out + 1] = (data[a + 1] as number) * nearWeight + (data[b + 1] as number) * farWeight;
    target[out + 2] = (data[a + 2] as number) * nearWeight + (data[b + 2] as number) * farWeight;
  }
}

/** The shifts and the rounding term are those of OpenCV's VResizeLinear for 8-bit images. */
function blendRows(
  upper: Int32Array,
  lower: Int32Array,
  near: number,
  far: number,
  output: Uint8Array,
  start: number,
): void {
  for (let i = 0; i < upper.length; i++) {
    const a = (near * ((upper[i] as number) >> 4)) >> 16;
    const b = (far * ((lower[i] as number) >> 4)) >> 16;
    output[start + i] = (a + b + 2) >> 2;
  }
}

const UNIT = Float32Array.from({ length: 256 }, (_, value) => value / 255);

/** Writes 8-bit RGB pixels as planes of red, green and blue from 0 to 1, the model's NCHW input, into `target`. */
export function toPlanes(pixels: Uint8Array, target: Float32Array): void {
  const plane = pixels.length / 3;
  for (let i = 0, p = 0; i < plane; i++, p += 3) {
    target[i] = UNIT[pixels[p] as number] as number;
    target[plane + i] = UNIT[pixels[p + 1] as number] as number;
    target[2 * plane + i] = UNIT[pixels[p + 2] as number] as number;
  }
}

import { type RgbImage, roundHalfEven } from "./letterbox.ts";

/** Pillow's fixed-point weights have so many bits after the point (PRECISION_BITS in src/libImaging/Resample.c). */
const WEIGHT_BITS = 22;

/** For each target position the first source position and the weights of it and of its successors. */
interface Weights {
  first: Int32Array;
  count: Int32Array;
  weight: Int32Array;
  /** Weights kept for each position. */
  stride: number;
}

/** Size of an image whose shorter side is scaled to `size`, as torchvision's `Resize(size)` rounds it. */
export function scaledSize(width: number, height: number, size: number): Scaled {
  if (width <= height) return { scaledWidth: size, scaledHeight: Math.trunc((size * height) / width) };
  return { scaledWidth: Math.trunc((size * width) / height), scaledHeight: size };
}

interface Scaled {
  scaledWidth: number;
  scaledHeight: number;
}

/**
 * Scales an image and cuts a square of `size` out of its middle: 8-bit RGB, row by row, bit-exact with what torchvision's
 * `Resize(size)` and `CenterCrop(size)` make of a Pillow image (bilinear with antialiasing), which is what the vendor's
 * preprocessing for classify calls. Only the pixels that stay are computed.
 */
export function cropSquare(
  { data, width, height }: RgbImage,
  size: number,
  { scaledWidth, scaledHeight }: Scaled = scaledSize(width, height, size),
): Uint8Array {
  const columns = weightsOf(width, scaledWidth, roundHalfEven((scaledWidth - size) / 2), size);
  const rows = weightsOf(height, scaledHeight, roundHalfEven((scaledHeight - size) / 2), size);
  const top = rows.first[0] as number;
  const bottom = (rows.first[size - 1] as number) + (rows.count[size - 1] as number);
  const narrow = new Uint8Array((bottom - top) * size * 3);
  for (let y = top; y < bottom; y++) scaleRow(data, y * width * 3, columns, narrow, (y - top) * size * 3);
  const output = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) blendRows(narrow, y, top, size * 3, rows, output);
  return output;
}

/** Weights of a triangle that is as wide as a target pixel is in the source, and at least two source pixels. */
function weightsOf(source: number, target: number, start: number, count: number): Weights {
  const scale = source / target;
  const support = Math.max(1, scale);
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(count);
  const counts = new Int32Array(count);
  const weight = new Int32Array(count * stride);
  for (let i = 0; i < count; i++) {
    const centre = (start + i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const high = Math.min(source, Math.trunc(centre + support + 0.5));
    const share = Array.from({ length: high - low }, (_, k) =>
      Math.max(0, 1 - Math.abs((k + low - centre + 0.5) * (1 / support))),
    );
    const sum = share.reduce((total, value) => total + value, 0);
    first[i] = low;
    counts[i] = high - low;
    for (const [k, value] of share.entries()) {
      weight[i * stride + k] = Math.trunc(0.5 + (sum === 0 ? value : value / sum) * 2 ** WEIGHT_BITS);
    }
  }
  return { first, count: counts, weight, stride };
}

const HALF = 1 << (WEIGHT_BITS - 1);

function scaleRow(data: Uint8Array, row: number, columns: Weights, target: Uint8Array, at: number): void {
  const { first, count, weight, stride } = columns;
  for (let x = 0, out = at; x < first.length; x++, out += 3) {
    let r = HALF;
    let g = HALF;
    let b = HALF;
    let from = row + (first[x] as number) * 3;
    const end = x * stride + (count[x] as number);
    for (let k = x * stride; k < end; k++, from += 3) {
      const share = weight[k] as number;
      r += (data[from] as number) * share;
      g += (data[from + 1] as number) * share;
      b += (data[from + 2] as number) * share;
    }
    // Never above 255 by more than the rounding, which the shift drops.
    target[out] = Math.min(255, r >> WEIGHT_BITS);
    target[out + 1] = Math.min(255, g >> WEIGHT_BITS);
    target[out + 2] = Math.min(255, b >> WEIGHT_BITS);
  }
}

function blendRows(rows: Uint8Array, y: number, top: number, size: number, weights: Weights, output: Uint8Array): void {
  const { first, count, weight, stride } = weights;
  const start = ((first[y] as number) - top) * size;
  for (let i = 0; i < size; i++) {
    let sum = HALF;
    for (let k = 0; k < (count[y] as number); k++) {
      sum += (rows[start + k * size + i] as number) * (weight[y * stride + k] as number);
    }
    output[y * size + i] = Math.min(255, sum >> WEIGHT_BITS);
  }
}

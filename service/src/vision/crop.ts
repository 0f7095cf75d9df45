import { type RgbImage, roundHalfEven } from "./letterbox.ts";

/** Pillow's fixed-point weights have so many bits after the point (PRECISION_BITS in src/libImaging/Resample.c). */
const WEIGHT_BITS = 22;

const HALF = 1 << (WEIGHT_BITS - 1);

/** Size of an image after scaling, in pixels. */
interface Scaled {
  scaledWidth: number;
  scaledHeight: number;
}

/** Some rows of 8-bit RGB, each of some columns, of a larger image. */
interface Part {
  data: Uint8Array;
  left: number;
  top: number;
  /** Bytes of a row. */
  stride: number;
}

/** For each target position the first source position, and the weights of it and of its successors. */
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
  const source = { data, left: 0, top: 0, stride: width * 3 };
  // The order is Pillow's (13.0.0, found by trying): the pixels between the two passes are rounded.
  if (height > 2 * width && scaledHeight < height) {
    const [left, right] = rangeOf(columns);
    return scaleAcross(scaleDown(source, rows, left, right), columns, 0, size).data;
  }
  const [top, bottom] = rangeOf(rows);
  return scaleDown(scaleAcross(source, columns, top, bottom), rows, 0, size).data;
}

/** Weights of a triangle that is as wide as two target pixels are in the source, and at least two source pixels. */
function weightsOf(source: number, target: number, start: number, length: number): Weights {
  const scale = source / target;
  const support = Math.max(1, scale);
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const weight = new Int32Array(length * stride);
  for (let i = 0; i < length; i++) {
    const centre = (start + i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const high = Math.min(source, Math.trunc(centre + support + 0.5));
    const shares = Array.from({ length: high - low }, (_, k) =>
      Math.max(0, 1 - Math.abs((k + low - centre + 0.5) * (1 / support))),
    );
    const sum = shares.reduce((total, share) => total + share, 0);
    first[i] = low;
    count[i] = high - low;
    for (const [k, share] of shares.entries()) {
      weight[i * stride + k] = Math.trunc(0.5 + (sum === 0 ? share : share / sum) * 2 ** WEIGHT_BITS);
    }
  }
  return { first, count, weight, stride };
}

/** The source positions that any target position needs, the end exclusive. */
function rangeOf({ first, count }: Weights): [number, number] {
  const last = first.length - 1;
  return [first[0] as number, (first[last] as number) + (count[last] as number)];
}

/** Scales the rows from `top` to `bottom` in their length. */
function scaleAcross(part: Part, { first, count, weight, stride }: Weights, top: number, bottom: number): Part {
  const target = { data: new Uint8Array((bottom - top) * first.length * 3), left: 0, top, stride: first.length * 3 };
  for (let y = top, out = 0; y < bottom; y++) {
    const row = (y - part.top) * part.stride - part.left * 3;
    for (let x = 0; x < first.length; x++, out += 3) {
      let r = HALF;
      let g = HALF;
      let b = HALF;
      let from = row + (first[x] as number) * 3;
      const end = x * stride + (count[x] as number);
      for (let k = x * stride; k < end; k++, from += 3) {
        const share = weight[k] as number;
        r += (part.data[from] as number) * share;
        g += (part.data[from + 1] as number) * share;
        b += (part.data[from + 2] as number) * share;
      }
      // The rounded weights of a pixel may add up to slightly more than one.
      target.data[out] = Math.min(255, r >> WEIGHT_BITS);
      target.data[out + 1] = Math.min(255, g >> WEIGHT_BITS);
      target.data[out + 2] = Math.min(255, b >> WEIGHT_BITS);
    }
  }
  return target;
}

/** Scales the columns from `left` to `right` in their height. */
function scaleDown(part: Part, { first, count, weight, stride }: Weights, left: number, right: number): Part {
  const bytes = (right - left) * 3;
  const target = { data: new Uint8Array(first.length * bytes), left, top: 0, stride: bytes };
  const sums = new Int32Array(bytes);
  for (let y = 0, out = 0; y < first.length; y++) {
    sums.fill(HALF);
    for (let k = 0; k < (count[y] as number); k++) {
      const share = weight[y * stride + k] as number;
      let from = ((first[y] as number) + k - part.top) * part.stride + (left - part.left) * 3;
      for (let i = 0; i < bytes; i++, from++) sums[i] = (sums[i] as number) + (part.data[from] as number) * share;
    }
    for (let i = 0; i < bytes; i++, out++) target.data[out] = Math.min(255, (sums[i] as number) >> WEIGHT_BITS);
  }
  return target;
}

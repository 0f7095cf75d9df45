import type { Prototypes } from "../tasks/task.ts";
import type { Blend } from "./interpolate.ts";
import { roundHalfEven } from "./letterbox.ts";

/** A rectangle of pixels, each 0 or 1, at (`left`, `top`) of the model's input, with a frame of zeros of one pixel. */
export interface Bitmap {
  left: number;
  top: number;
  /** Without the frame. */
  width: number;
  height: number;
  /** Row by row, with the frame: `(width + 2) * (height + 2)`. */
  data: Int8Array;
}

/** A box of prototype pixels, the ends exclusive. */
interface Crop {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/**
 * Draws the mask of one object in the model's input, as the vendor's `process_mask` does: the sum of the prototypes by the
 * object's coefficients is cut off outside its box, scaled up bilinearly, and is the object where it is above zero.
 * The sum is in double precision, because the vendor's has no defined order.
 * @param box x1, y1, x2, y2 in pixels of the model's input
 * @returns undefined when no pixel is the object's
 */
export function drawMask(
  prototypes: Prototypes,
  coefficients: Float32Array,
  box: Float32Array,
  columns: Blend,
  rows: Blend,
): Bitmap | undefined {
  const crop = cropOf(prototypes, box, columns.first.length, rows.first.length);
  if (crop.right <= crop.left || crop.bottom <= crop.top) return undefined;
  const values = sumPrototypes(prototypes, coefficients, crop);
  return scaleUp(values, crop, columns, rows);
}

/** The vendor rounds the box to whole prototype pixels for up to 50 objects on the processor; so does this for any number. */
function cropOf({ width, height }: Prototypes, box: Float32Array, inputWidth: number, inputHeight: number): Crop {
  const bound = (value: number | undefined, ratio: number, limit: number) =>
    Math.min(Math.max(roundHalfEven(Math.fround((value ?? 0) * Math.fround(ratio))), 0), limit);
  return {
    left: bound(box[0], width / inputWidth, width),
    top: bound(box[1], height / inputHeight, height),
    right: bound(box[2], width / inputWidth, width),
    bottom: bound(box[3], height / inputHeight, height),
  };
}

/** Sums inside the crop, with a frame of zeros of one pixel around them. */
function sumPrototypes(
  { data, channels, width, height }: Prototypes,
  coefficients: Float32Array,
  crop: Crop,
): Float32Array {
  const stride = crop.right - crop.left + 2;
  const sums = new Float64Array(stride * (crop.bottom - crop.top + 2));
  for (let c = 0; c < channels; c++) {
    const factor = coefficients[c] as number;
    for (let y = crop.top; y < crop.bottom; y++) {
      let from = (c * height + y) * width + crop.left;
      const end = from + crop.right - crop.left;
      for (let to = (y - crop.top + 1) * stride + 1; from < end; from++, to++)
        sums[to] = (sums[to] as number) + factor * (data[from] as number);
    }
  }
  return Float32Array.from(sums);
}

function scaleUp(values: Float32Array, crop: Crop, columns: Blend, rows: Blend): Bitmap | undefined {
  const [left, right] = rangeOf(columns, crop.left, crop.right);
  const [top, bottom] = rangeOf(rows, crop.top, crop.bottom);
  const stride = crop.right - crop.left + 2;
  const width = right - left;
  const height = bottom - top;
  const data = new Int8Array((width + 2) * (height + 2));
  let any = false;
  for (let y = 0; y < height; y++) {
    const upper = ((rows.first[top + y] as number) - crop.top + 1) * stride + 1 - crop.left;
    const lower = ((rows.second[top + y] as number) - crop.top + 1) * stride + 1 - crop.left;
    const down = rows.share[top + y] as number;
    let to = (y + 1) * (width + 2) + 1;
    for (let x = left; x < right; x++, to++) {
      const first = columns.first[x] as number;
      const second = columns.second[x] as number;
      const a = values[upper + first] as number;
      const b = values[upper + second] as number;
      const c = values[lower + first] as number;
      const d = values[lower + second] as number;
      if (a <= 0 && b <= 0 && c <= 0 && d <= 0) continue;
      if (a > 0 && b > 0 && c > 0 && d > 0) {
        data[to] = 1;
        any = true;
        continue;
      }
      const share = columns.share[x] as number;
      const value = (1 - down) * ((1 - share) * a + share * b) + down * ((1 - share) * c + share * d);
      if (value > 0) {
        data[to] = 1;
        any = true;
      }
    }
  }
  return any ? { left, top, width, height, data } : undefined;
}

/** The positions of the longer axis that touch the crop, the end exclusive. Their neighbours lie in its frame at most. */
function rangeOf({ first, second }: Blend, start: number, end: number): [number, number] {
  let from = 0;
  while (from < first.length && (second[from] as number) < start) from++;
  let to = first.length;
  while (to > from && (first[to - 1] as number) >= end) to--;
  return [from, to];
}

import type { Fit } from "./boxes.ts";
import type { Blend } from "./interpolate.ts";
import type { Bitmap } from "./mask.ts";

/** How the part of the model's input that holds the image is scaled to the image. */
export interface BackScale {
  columns: Blend;
  rows: Blend;
}

const { fround } = Math;

/**
 * Scales a bitmap back to the whole image and encodes it as COCO's run lengths, column by column
 * (https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c). The part of the model's input that holds the image is
 * scaled bilinearly; a pixel is the object's where the result is above a half.
 */
export function encodeMask(bitmap: Bitmap, fit: Fit, { columns, rows }: BackScale): string {
  const { data, width, height } = bitmap;
  const stride = width + 2;
  const runs = new Runs();
  // Positions in the bitmap, frame included, are clamped into its frame of zeros.
  const column = (x: number) => Math.min(Math.max(x + fit.left - bitmap.left + 1, 0), width + 1);
  const firstRow = Math.max(0, bitmap.top - fit.top - 1);
  const lastRow = Math.min(fit.scaledHeight - 1, bitmap.top + height - fit.top);
  const ends = endsOf(rows.first, fit.scaledHeight);
  const blended = new Float32Array(fit.scaledHeight + 1);
  for (let x = 0; x < fit.width; x++) {
    const a = column(columns.first[x] as number);
    const b = column(columns.second[x] as number);
    if (lastRow < firstRow || ((a === 0 || a === width + 1) && (b === 0 || b === width + 1))) {
      runs.add(0, fit.height);
      continue;
    }
    const share = columns.share[x] as number;
    for (let y = firstRow; y <= lastRow; y++) {
      const row = Math.min(Math.max(y + fit.top - bitmap.top + 1, 0), height + 1) * stride;
      blended[y] = fround((1 - share) * (data[row + a] as number)) + fround(share * (data[row + b] as number));
    }
    blended[lastRow + 1] = lastRow + 1 < fit.scaledHeight ? 0 : (blended[lastRow] as number);
    const start = firstRow === 0 ? 0 : (ends[firstRow - 1] as number);
    runs.add(0, start);
    for (let y = firstRow, out = start; y <= lastRow; y++) {
      const upper = blended[y] as number;
      const lower = blended[y + 1] as number;
      const end = ends[y] as number;
      if (upper === lower && (upper === 0 || upper === 1)) {
        runs.add(upper, end - out);
        out = end;
      }
      for (; out < end; out++) {
        const down = rows.share[out] as number;
        runs.add(fround(fround((1 - down) * upper) + fround(down * lower)) > 0.5 ? 1 : 0, 1);
      }
    }
    runs.add(0, fit.height - (ends[lastRow] as number));
  }
  return runs.encode();
}

/** For each source row the first target row that begins below it. */
function endsOf(first: Int32Array, source: number): Int32Array {
  const ends = new Int32Array(source);
  for (let y = 0, out = 0; y < source; y++) {
    while (out < first.length && (first[out] as number) <= y) out++;
    ends[y] = out;
  }
  return ends;
}

/** Runs of zeros and ones in turn, zeros first, encoded as they end: masks of noise have millions. */
class Runs {
  #bytes = Buffer.allocUnsafe(1024);
  #used = 0;
  /** Lengths of the last run and of the one before it. */
  #last = 0;
  #beforeLast = 0;
  #count = 0;
  #value = 0;
  #length = 0;

  add(value: number, length: number): void {
    if (value !== this.#value && length > 0) {
      this.#end();
      this.#value = value;
      this.#length = 0;
    }
    this.#length += length;
  }

  encode(): string {
    this.#end();
    return this.#bytes.toString("latin1", 0, this.#used);
  }

  /** Writes the difference to the last run but one, in groups of five bits with a continuation bit, as printable characters. */
  #end(): void {
    let rest = this.#count > 2 ? this.#length - this.#beforeLast : this.#length;
    this.#beforeLast = this.#last;
    this.#last = this.#length;
    this.#count++;
    // A number of 32 bits has at most seven groups.
    if (this.#used + 8 > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], this.#bytes.length * 2);
    for (let more = true; more; ) {
      const bits = rest & 0x1f;
      rest >>= 5;
      more = (bits & 0x10) !== 0 ? rest !== -1 : rest !== 0;
      this.#bytes[this.#used++] = (more ? bits | 0x20 : bits) + 48;
    }
  }
}

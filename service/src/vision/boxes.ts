/**
 * Numbers per detection in the flat arrays that travel between threads: x1, y1, x2, y2, confidence, class index.
 * Flat typed arrays are moved, not copied, and are what the model's end-to-end layout already is.
 */
export const DETECTION_SIZE = 6;

/** How an image was fitted into the model's input; all in pixels but `gain`. */
export interface Fit {
  /** Size of the original image. */
  width: number;
  height: number;
  /** Size of the original image after scaling. */
  scaledWidth: number;
  scaledHeight: number;
  /** Where the scaled image lies in the model's input. */
  left: number;
  top: number;
  /** Size of the model's input. */
  inputWidth: number;
  inputHeight: number;
}

const { fround } = Math;

/** Model pixels per pixel of the original image. */
export function gainOf(fit: Fit): number {
  return Math.min(fit.inputHeight / fit.height, fit.inputWidth / fit.width);
}

/**
 * Moves boxes, the first four of `columns` numbers per object, from pixels of the model's input to pixels of the original
 * image, and clips them to it, in place. Single precision and the order of the operations are those of the vendor's
 * `scale_boxes`.
 */
export function scaleBoxes(rows: Float32Array, columns: number, fit: Fit): void {
  const gain = fround(gainOf(fit));
  const moved = (value: number, pad: number, limit: number) =>
    Math.min(Math.max(fround(fround(value - pad) / gain), 0), limit);
  for (let i = 0; i + columns <= rows.length; i += columns) {
    rows[i] = moved(rows[i] as number, fit.left, fit.width);
    rows[i + 1] = moved(rows[i + 1] as number, fit.top, fit.height);
    rows[i + 2] = moved(rows[i + 2] as number, fit.left, fit.width);
    rows[i + 3] = moved(rows[i + 3] as number, fit.top, fit.height);
  }
}

/**
 * Moves points, `count` in a row from `start` and `step` numbers apart, as `scaleBoxes` moves boxes, in place. The vendor's
 * `scale_coords` takes the padding without rounding it to whole pixels, and so does this.
 */
export function scalePoints(values: Float32Array, start: number, count: number, step: number, fit: Fit): void {
  const exact = gainOf(fit);
  const gain = fround(exact);
  const left = fround((fit.inputWidth - fit.width * exact) / 2);
  const top = fround((fit.inputHeight - fit.height * exact) / 2);
  for (let i = 0, at = start; i < count; i++, at += step) {
    const x = fround(fround((values[at] as number) - left) / gain);
    const y = fround(fround((values[at + 1] as number) - top) / gain);
    values[at] = Math.min(Math.max(x, 0), fit.width);
    values[at + 1] = Math.min(Math.max(y, 0), fit.height);
  }
}

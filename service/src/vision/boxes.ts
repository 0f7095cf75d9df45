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

/**
 * Moves detections from pixels of the model's input to pixels of the original image, and clips them to it, in place.
 * Single precision and the order of the operations are those of the vendor's `scale_boxes`.
 */
export function scaleBoxes(detections: Float32Array, fit: Fit): void {
  const gain = fround(Math.min(fit.inputHeight / fit.height, fit.inputWidth / fit.width));
  const clip = (value: number, pad: number, limit: number) =>
    Math.min(Math.max(fround(fround(value - pad) / gain), 0), limit);
  for (let i = 0; i + DETECTION_SIZE <= detections.length; i += DETECTION_SIZE) {
    for (const [offset, pad, limit] of [
      [0, fit.left, fit.width],
      [1, fit.top, fit.height],
    ] as const) {
      detections[i + offset] = clip(detections[i + offset] ?? 0, pad, limit);
      detections[i + offset + 2] = clip(detections[i + offset + 2] ?? 0, pad, limit);
    }
  }
}

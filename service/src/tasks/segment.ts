import { RequestError } from "../errors.ts";
import type { Mask } from "../inference/messages.ts";
import { DETECTION_SIZE, type Fit, scaleBoxes, scalePoints } from "../vision/boxes.ts";
import { largestOutline } from "../vision/contour.ts";
import { blendOf } from "../vision/interpolate.ts";
import { type Bitmap, drawMask } from "../vision/mask.ts";
import { type BackScale, encodeMask } from "../vision/run-lengths.ts";
import { type Computed, type Found, selectObjects } from "./task.ts";

/**
 * Pixels of an image that run lengths are made of at most, those of all boxes together: eight boxes as large as a photo of 50
 * megapixels. It takes 0.4 s for solid masks, and 4 s and 25 MB for masks of noise, which are the worst.
 */
const MOST_ENCODED_PIXELS = 400_000_000;

/** What rounding adds to a side of a box at most, in pixels of the model's input. */
const ROUNDING = 8;

/**
 * Reads boxes and masks. As in the vendor's code an object without a pixel in its mask is dropped.
 * @throws RequestError YOLO_PARAMETER_INVALID when run lengths are asked for and would take too long
 */
export function readSegment(computed: Computed): Found {
  const { fit, options, prototypes } = computed;
  if (prototypes === undefined) throw new Error("expected prototypes of masks");
  const objects = selectObjects(computed);
  const columns = DETECTION_SIZE + prototypes.channels;
  if (options.runLengths === true) checkEncoded(objects, columns, fit);
  const across = blendOf(prototypes.width, fit.inputWidth);
  const down = blendOf(prototypes.height, fit.inputHeight);
  const back = {
    columns: blendOf(fit.scaledWidth, options.runLengths === true ? fit.width : 0),
    rows: blendOf(fit.scaledHeight, options.runLengths === true ? fit.height : 0),
  };
  const masks: Mask[] = [];
  const boxes: number[] = [];
  for (let i = 0; i < objects.length; i += columns) {
    const object = objects.subarray(i, i + columns);
    const bitmap = drawMask(prototypes, object.subarray(DETECTION_SIZE), object, across, down);
    if (bitmap === undefined) continue;
    boxes.push(...object.subarray(0, DETECTION_SIZE));
    masks.push(maskOf(bitmap, fit, options.runLengths === true ? back : undefined));
  }
  const rows = Float32Array.from(boxes);
  scaleBoxes(rows, DETECTION_SIZE, fit);
  return { rows, columns: DETECTION_SIZE, masks };
}

function checkEncoded(objects: Float32Array, columns: number, fit: Fit): void {
  const side = (from: number, to: number, limit: number) => {
    // What is not a number counts as the whole.
    const length = Math.min(to, limit) - Math.max(from, 0) + ROUNDING;
    return Math.max(0, Math.min(Number.isNaN(length) ? limit : length, limit));
  };
  let inside = 0;
  for (let i = 0; i < objects.length; i += columns) {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = objects.subarray(i, i + 4);
    inside += side(x1, x2, fit.inputWidth) * side(y1, y2, fit.inputHeight);
  }
  const pixels = Math.round((inside * fit.width * fit.height) / (fit.scaledWidth * fit.scaledHeight));
  if (pixels <= MOST_ENCODED_PIXELS) return;
  const found = `${objects.length / columns} objects of ${pixels}`;
  const message =
    `Expected boxes of at most ${MOST_ENCODED_PIXELS} pixels together for masks=rle but found ${found}; ` +
    "ask for fewer by max_det, conf or classes, or for masks=polygon.";
  throw new RequestError("YOLO_PARAMETER_INVALID", message);
}

function maskOf(bitmap: Bitmap, fit: Fit, back: BackScale | undefined): Mask {
  // The outline uses the bitmap up.
  const counts = back === undefined ? {} : { counts: encodeMask(bitmap, fit, back) };
  const outline = Float32Array.from(largestOutline(bitmap));
  scalePoints(outline, 0, outline.length / 2, 2, fit);
  return { outline, ...counts };
}

import type { Mask } from "../inference/messages.ts";
import { DETECTION_SIZE, type Fit, scaleBoxes, scalePoints } from "../vision/boxes.ts";
import { largestOutline } from "../vision/contour.ts";
import { blendOf } from "../vision/interpolate.ts";
import { type Bitmap, drawMask } from "../vision/mask.ts";
import { type BackScale, encodeMask } from "../vision/run-lengths.ts";
import { type Computed, type Found, selectObjects } from "./task.ts";

/** Reads boxes and masks. As in the vendor's code an object without a pixel in its mask is dropped. */
export function readSegment(computed: Computed): Found {
  const { fit, options, prototypes } = computed;
  if (prototypes === undefined) throw new Error("expected prototypes of masks");
  const objects = selectObjects(computed);
  const columns = DETECTION_SIZE + prototypes.channels;
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

function maskOf(bitmap: Bitmap, fit: Fit, back: BackScale | undefined): Mask {
  // The outline uses the bitmap up.
  const counts = back === undefined ? {} : { counts: encodeMask(bitmap, fit, back) };
  const outline = Float32Array.from(largestOutline(bitmap));
  scalePoints(outline, 0, outline.length / 2, 2, fit);
  return { outline, ...counts };
}

import { DETECTION_SIZE, scaleBoxes } from "../vision/boxes.ts";
import { type Computed, type Found, selectObjects } from "./task.ts";

/** Reads boxes: rows of x1, y1, x2, y2, confidence and class. */
export function readDetect(computed: Computed): Found {
  const rows = selectObjects(computed);
  scaleBoxes(rows, DETECTION_SIZE, computed.fit);
  return { rows, columns: DETECTION_SIZE };
}

import { gainOf } from "../vision/boxes.ts";
import { selectFinished } from "../vision/nms.ts";
import { ROTATED_SIZE, selectRotated } from "../vision/rotated.ts";
import type { Computed, Found } from "./task.ts";

const { fround } = Math;

/**
 * Reads rotated boxes: rows of centre x, centre y, width, height, confidence, class and angle. As in the vendor's code they
 * are not clipped to the image, because a clipped rotated box is none.
 */
export function readObb({ model, head, fit, options }: Computed): Found {
  const rows = model.layout === "raw" ? selectRotated(head, options) : selectFinished(head, options);
  const gain = fround(gainOf(fit));
  for (let i = 0; i < rows.length; i += ROTATED_SIZE) {
    rows[i] = fround((rows[i] as number) - fit.left) / gain;
    rows[i + 1] = fround((rows[i + 1] as number) - fit.top) / gain;
    rows[i + 2] = (rows[i + 2] as number) / gain;
    rows[i + 3] = (rows[i + 3] as number) / gain;
  }
  return { rows, columns: ROTATED_SIZE };
}

import { DETECTION_SIZE, scaleBoxes, scalePoints } from "../vision/boxes.ts";
import { type Computed, type Found, selectObjects } from "./task.ts";

/** Numbers per keypoint in the findings: x, y and visibility. */
const POINT_SIZE = 3;

/** Reads boxes and their keypoints; a model without visibilities is sure of each, and they are 1. */
export function readPose(computed: Computed): Found {
  const { count, size } = computed.model.keypoints ?? { count: 0, size: POINT_SIZE };
  const objects = selectObjects(computed);
  const columns = DETECTION_SIZE + count * POINT_SIZE;
  const given = DETECTION_SIZE + count * size;
  const rows = new Float32Array((objects.length / given) * columns).fill(1);
  for (let from = 0, to = 0; from < objects.length; from += given, to += columns) {
    rows.set(objects.subarray(from, from + DETECTION_SIZE), to);
    for (let k = 0; k < count; k++) {
      const point = from + DETECTION_SIZE + k * size;
      rows.set(objects.subarray(point, point + size), to + DETECTION_SIZE + k * POINT_SIZE);
    }
    scalePoints(rows, to + DETECTION_SIZE, count, POINT_SIZE, computed.fit);
  }
  scaleBoxes(rows, columns, computed.fit);
  return { rows, columns };
}

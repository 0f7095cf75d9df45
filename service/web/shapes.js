// Lines that drawings are made of.

/** @import { Detection } from "../contract.ts" */

/** Pairs of COCO's 17 keypoints that are joined: legs, trunk, arms, head (https://cocodataset.org/#keypoints-2020). */
const LIMBS = [
  [15, 13],
  [13, 11],
  [16, 14],
  [14, 12],
  [11, 12],
  [5, 11],
  [6, 12],
  [5, 6],
  [5, 7],
  [6, 8],
  [7, 9],
  [8, 10],
  [1, 2],
  [0, 1],
  [0, 2],
  [1, 3],
  [2, 4],
  [3, 5],
  [4, 6],
];

/** Visibility from which a keypoint is drawn. */
const VISIBLE = 0.5;

/**
 * The path of an upright or a rotated box.
 * @param {CanvasRenderingContext2D} context
 * @param {NonNullable<Detection["box"]>} box
 * @param {number} scale
 */
export function boxPath(context, box, scale) {
  if ("x3" in box) return polygon(context, [box.x1, box.x2, box.x3, box.x4], [box.y1, box.y2, box.y3, box.y4], scale);
  context.beginPath();
  context.rect(box.x1 * scale, box.y1 * scale, (box.x2 - box.x1) * scale, (box.y2 - box.y1) * scale);
}

/**
 * The path of a closed polygon.
 * @param {CanvasRenderingContext2D} context
 * @param {readonly number[]} x
 * @param {readonly number[]} y
 * @param {number} scale
 */
export function polygon(context, x, y, scale) {
  context.beginPath();
  x.forEach((value, i) => {
    context.lineTo(value * scale, (y[i] ?? 0) * scale);
  });
  context.closePath();
}

/**
 * A coloured line on a wider dark one, so that it shows on any background.
 * @param {CanvasRenderingContext2D} context
 * @param {string} colour
 * @param {number} line
 */
export function stroke(context, colour, line) {
  context.strokeStyle = "rgb(0 0 0 / 45%)";
  context.lineWidth = line * 1.9;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = line;
  context.stroke();
}

/**
 * Keypoints as dots; those of a person are joined by limbs.
 * @param {CanvasRenderingContext2D} context
 * @param {NonNullable<Detection["keypoints"]>} keypoints
 * @param {number} scale
 * @param {number} line
 * @param {string} colour
 */
export function skeleton(context, { x, y, visible }, scale, line, colour) {
  const shown = (/** @type {number} */ i) => (visible[i] ?? 0) >= VISIBLE;
  const at = (/** @type {number} */ i) => /** @type {const} */ ([(x[i] ?? 0) * scale, (y[i] ?? 0) * scale]);
  for (const [a = 0, b = 0] of x.length === 17 ? LIMBS : []) {
    if (!shown(a) || !shown(b)) continue;
    context.beginPath();
    context.moveTo(...at(a));
    context.lineTo(...at(b));
    stroke(context, colour, line);
  }
  for (let i = 0; i < x.length; i++) {
    if (!shown(i)) continue;
    context.beginPath();
    context.arc(...at(i), line * 1.7, 0, 2 * Math.PI);
    context.fillStyle = "#ffffff";
    context.fill();
    stroke(context, colour, line * 0.7);
  }
}

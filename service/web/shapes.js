// Lines that drawings are made of.

/** @import { Detection } from "../contract.ts" */

import { shownKeypoints } from "./marks.js";

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
  const at = (/** @type {number} */ i) => /** @type {const} */ ([(x[i] ?? 0) * scale, (y[i] ?? 0) * scale]);
  const { points, limbs } = shownKeypoints(visible);
  for (const [a, b] of limbs) {
    context.beginPath();
    context.moveTo(...at(a));
    context.lineTo(...at(b));
    stroke(context, colour, line);
  }
  for (const i of points) {
    context.beginPath();
    context.arc(...at(i), line * 1.7, 0, 2 * Math.PI);
    context.fillStyle = "#ffffff";
    context.fill();
    stroke(context, colour, line * 0.7);
  }
}

// Draws a picture and what was found in it onto a canvas.

/** @import { Detection, ImageResult } from "../contract.ts" */

import { colourOf } from "./marks.js";
import { boxPath, polygon, skeleton, stroke } from "./shapes.js";

/** Width in CSS pixels below which tags would hide what they name, and say less. */
const SMALL_PICTURE = 480;

const FONT = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/**
 * @typedef {object} Scene
 * @property {CanvasImageSource | undefined} picture missing where the browser cannot show the file's format
 * @property {ImageResult["shape"]} shape height and width that the results' coordinates are in
 * @property {readonly Detection[]} results surest first
 * @property {Detection | undefined} highlight the one that a person looks at
 */

/**
 * The text of a label.
 * @param {Detection} detection
 * @param {boolean} full whether it says how sure the model is
 */
function labelOf({ name, track_id: id, confidence }, full) {
  return `${name}${id === undefined ? "" : ` #${id}`}${full ? ` ${Math.round(confidence * 100)}%` : ""}`;
}

/**
 * Draws a scene over the whole canvas, whose shape is the picture's.
 * @param {HTMLCanvasElement} canvas
 * @param {Scene} scene
 * @param {number} ratio pixels of the canvas for each CSS pixel, by which lines and letters are sized
 */
export function draw(canvas, { picture, shape, results, highlight }, ratio) {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const { width, height } = canvas;
  const scale = width / shape[1];
  context.reset();
  if (picture === undefined) {
    context.fillStyle = "#20242e";
    context.fillRect(0, 0, width, height);
  } else {
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, width, height);
  }
  const line = Math.max(1.5, Math.min(3, width / ratio / 320)) * ratio;
  // Surer ones over less sure ones, and the one in question over all.
  const ordered = results.toReversed().filter((one) => one !== highlight);
  if (highlight !== undefined && results.includes(highlight)) {
    context.fillStyle = "rgb(8 10 16 / 45%)";
    context.fillRect(0, 0, width, height);
    if (picture !== undefined) reveal(context, picture, highlight, scale, width, height);
    ordered.push(highlight);
  }
  for (const detection of ordered) outline(context, detection, { scale, line, strong: detection === highlight });
  /** @type {Place[]} */
  const taken = [];
  for (const detection of ordered.toReversed()) tag(context, detection, { scale, ratio, width, height }, taken);
}

/**
 * Shows the picture at full brightness where the object is.
 * @param {CanvasRenderingContext2D} context
 * @param {CanvasImageSource} picture
 * @param {Detection} detection
 * @param {number} scale
 * @param {number} width
 * @param {number} height
 */
function reveal(context, picture, detection, scale, width, height) {
  context.save();
  shapePath(context, detection, scale);
  context.clip();
  context.drawImage(picture, 0, 0, width, height);
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Detection} detection
 * @param {{ scale: number, line: number, strong: boolean }} pen
 */
function outline(context, detection, { scale, line, strong }) {
  const { box, segments, keypoints } = detection;
  const colour = colourOf(detection.class);
  context.lineJoin = "round";
  context.lineCap = "round";
  if (segments !== undefined && segments.x.length > 2) {
    polygon(context, segments.x, segments.y, scale);
    context.fillStyle = `${colour}${strong ? "4d" : "59"}`;
    context.fill();
    stroke(context, colour, line * 0.8);
  }
  if (box !== undefined) {
    boxPath(context, box, scale);
    context.fillStyle = `${colour}14`;
    if (segments === undefined) context.fill();
    stroke(context, colour, segments === undefined ? line * (strong ? 1.5 : 1) : line * 0.5);
  }
  if (keypoints !== undefined) skeleton(context, keypoints, scale, line, colour);
}

/**
 * The outline that tells most about where an object is.
 * @param {CanvasRenderingContext2D} context
 * @param {Detection} detection
 * @param {number} scale
 */
function shapePath(context, { box, segments }, scale) {
  if (segments !== undefined && segments.x.length > 2) polygon(context, segments.x, segments.y, scale);
  else if (box !== undefined) boxPath(context, box, scale);
  else context.rect(0, 0, context.canvas.width, context.canvas.height);
}

/** @typedef {{ x: number, y: number, width: number, height: number }} Place */

/**
 * A tag at a box, where it covers no other tag and does not leave the picture; a less sure object goes without where there
 * is no such place.
 * @param {CanvasRenderingContext2D} context
 * @param {Detection} detection
 * @param {{ scale: number, ratio: number, width: number, height: number }} size
 * @param {Place[]} taken
 */
function tag(context, detection, size, taken) {
  const place = extent(detection);
  if (place === undefined) return;
  const { scale, ratio } = size;
  const small = size.width / ratio < SMALL_PICTURE;
  const letters = (small ? 10.5 : 13) * ratio;
  context.font = `600 ${letters}px ${FONT}`;
  const text = labelOf(detection, !small);
  const width = context.measureText(text).width + letters;
  const height = Math.round(letters * 1.6);
  const [left, right] = [place.left * scale - ratio, place.right * scale + ratio - width];
  const [top, bottom] = [place.top * scale, place.bottom * scale];
  const places = [
    [left, top - height],
    [left, top],
    [right, top - height],
    [left, bottom],
    [right, bottom],
    [left, bottom - height],
  ].map(([x = 0, y = 0]) => ({
    x: Math.max(0, Math.min(x, size.width - width)),
    y: Math.max(0, Math.min(y, size.height - height)),
    width,
    height,
  }));
  const free = places.find((one) => !taken.some((other) => overlap(one, other)));
  if (free === undefined) return;
  taken.push(free);
  context.beginPath();
  context.roundRect(free.x, free.y, width, height, letters * 0.3);
  context.fillStyle = colourOf(detection.class);
  context.fill();
  context.fillStyle = "#0b0d12";
  context.textBaseline = "middle";
  context.fillText(text, free.x + letters / 2, free.y + height / 2 + ratio * 0.5);
}

/**
 * @param {Place} a
 * @param {Place} b
 */
function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/**
 * The upright box around an object, or undefined where it has none.
 * @param {Detection} detection
 */
export function extent({ box }) {
  if (box === undefined) return undefined;
  const x = "x3" in box ? [box.x1, box.x2, box.x3, box.x4] : [box.x1, box.x2];
  const y = "x3" in box ? [box.y1, box.y2, box.y3, box.y4] : [box.y1, box.y2];
  return { left: Math.min(...x), top: Math.min(...y), right: Math.max(...x), bottom: Math.max(...y) };
}

/**
 * The smallest object at a point, in the results' coordinates.
 * @param {readonly Detection[]} results
 * @param {number} x
 * @param {number} y
 */
export function objectAt(results, x, y) {
  const there = results.flatMap((detection) => {
    const place = extent(detection);
    if (place === undefined || x < place.left || x > place.right || y < place.top || y > place.bottom) return [];
    return [{ detection, area: (place.right - place.left) * (place.bottom - place.top) }];
  });
  return there.sort((a, b) => a.area - b.area)[0]?.detection;
}

// Draws a picture and what was found in it onto a canvas.

/** @import { Detection, ImageResult } from "../contract.ts" */

/** Colours that are told apart on photos, by class index, as in drawn answers of the service; beyond the last they repeat. */
export const COLOURS = [
  "#ff3b5c",
  "#00c2ff",
  "#ffb300",
  "#3ddc6b",
  "#b06bff",
  "#ff7a1a",
  "#00e0c6",
  "#ff5fd2",
  "#c6e000",
  "#5b7cff",
  "#ff9e80",
  "#8fd3ff",
];

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

/** @param {number} index */
export function colourOf(index) {
  return COLOURS[index % COLOURS.length] ?? "#ffffff";
}

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

/**
 * @param {CanvasRenderingContext2D} context
 * @param {NonNullable<Detection["box"]>} box
 * @param {number} scale
 */
function boxPath(context, box, scale) {
  if ("x3" in box) return polygon(context, [box.x1, box.x2, box.x3, box.x4], [box.y1, box.y2, box.y3, box.y4], scale);
  context.beginPath();
  context.rect(box.x1 * scale, box.y1 * scale, (box.x2 - box.x1) * scale, (box.y2 - box.y1) * scale);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {readonly number[]} x
 * @param {readonly number[]} y
 * @param {number} scale
 */
function polygon(context, x, y, scale) {
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
function stroke(context, colour, line) {
  context.strokeStyle = "rgb(0 0 0 / 45%)";
  context.lineWidth = line * 1.9;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = line;
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {NonNullable<Detection["keypoints"]>} keypoints
 * @param {number} scale
 * @param {number} line
 * @param {string} colour
 */
function skeleton(context, { x, y, visible }, scale, line, colour) {
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

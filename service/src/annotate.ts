import sharp from "sharp";
import { type Box, type Detection, DRAWING, type OrientedBox } from "../contract.ts";
import { colourOf, shownKeypoints } from "../web/marks.js";
import { lettering, STROKE } from "./lettering.ts";

/** Classes of a whole image that are written onto it. */
const MOST_CLASSES = 5;

/** Longest side of a drawing in pixels: of a surface of Cairo, which renders what is drawn. */
export const LONGEST_DRAWN = 32_767;

/** What all parts of one drawing share. */
interface Canvas {
  width: number;
  height: number;
  /** Height of a capital letter in pixels. */
  capital: number;
  /** Thickness of a line in pixels. */
  line: number;
}

function canvasOf(width: number, height: number): Canvas {
  const capital = Math.max(7, Math.min(width, height) / 52);
  return { width, height, capital, line: Math.max(1.5, capital / 4.5) };
}

/**
 * Draws what was found onto a photo: boxes, also rotated ones, masks, keypoints, and names with confidences.
 * @param photo an encoded image; EXIF orientation is honoured, as in `POST /predict`
 * @param detections as the service answered them for this photo, in pixels; surer ones are drawn over less sure ones
 * @param limitSeconds whole seconds after which it is given up, with an error
 * @returns the drawn photo as JPEG, of the same shape, and of the same size up to `LONGEST_DRAWN` and `DRAWING.mostPixels`
 */
export async function annotate(
  photo: Uint8Array,
  detections: readonly Detection[],
  limitSeconds?: number,
): Promise<Buffer> {
  // As when it was decoded for the model, by whose limit of pixels it came here.
  const image = sharp(photo, { limitInputPixels: false, ignoreIcc: true, failOn: "error" }).autoOrient();
  const { width, height } = (await image.metadata()).autoOrient;
  const drawn = drawnSize(width, height);
  const svg = Buffer.from(drawing(canvasOf(width, height), detections, drawn));
  if (drawn.width !== width || drawn.height !== height) image.resize(drawn.width, drawn.height, { fit: "fill" });
  if (limitSeconds !== undefined) image.timeout({ seconds: limitSeconds });
  return image
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .composite([{ input: svg, top: 0, left: 0 }])
    .jpeg({ quality: 92, chromaSubsampling: "4:4:4" })
    .toBuffer();
}

interface Size {
  width: number;
  height: number;
}

/** Size of the drawing of a photo: its own, or the largest of its shape that is allowed. */
function drawnSize(width: number, height: number): Size {
  const scale = Math.min(1, LONGEST_DRAWN / Math.max(width, height), Math.sqrt(DRAWING.mostPixels / (width * height)));
  const side = (length: number) => Math.max(1, Math.floor(length * scale));
  return { width: side(width), height: side(height) };
}

/** What is drawn, in pixels of the photo, as a picture of the size of the drawing. */
function drawing(canvas: Canvas, detections: readonly Detection[], drawn: Size): string {
  const ordered = detections.toSorted((a, b) => a.confidence - b.confidence);
  const shapes = ordered.flatMap((detection) => [area(detection, canvas), outline(detection, canvas)]);
  const poses = ordered.map((detection) => pose(detection, canvas));
  const labels = ordered.flatMap(({ box, ...detection }) =>
    box === undefined ? [] : label(textOf(detection), detection.class, placeOf(box, canvas), canvas),
  );
  const parts = [...shapes, ...poses, ...labels, ...classLabels(detections, canvas)];
  const view = `viewBox="0 0 ${canvas.width} ${canvas.height}" preserveAspectRatio="none"`;
  const size = `width="${drawn.width}" height="${drawn.height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${view}>${parts.join("")}</svg>`;
}

/** The mask of an object. */
function area({ segments, class: index }: Detection, { line }: Canvas): string {
  if (segments === undefined || segments.x.length === 0) return "";
  const points = segments.x.map((x, i) => `${short(x)},${short(segments.y[i] ?? 0)}`).join(" ");
  const colour = colourOf(index);
  return `<polygon points="${points}" fill="${colour}" fill-opacity="0.4" stroke="${colour}" stroke-width="${short(line / 2)}"/>`;
}

/** A coloured line on a wider dark one, so that it shows on any background. */
function outline({ box, class: index }: Detection, { line }: Canvas): string {
  if (box === undefined) return "";
  const shape = isOriented(box)
    ? `polygon points="${cornersOf(box)
        .map((corner) => corner.map(short).join(","))
        .join(" ")}" stroke-linejoin="round"`
    : `rect x="${box.x1}" y="${box.y1}" width="${box.x2 - box.x1}" height="${box.y2 - box.y1}" rx="${line}"`;
  const dark = `<${shape} fill="none" stroke="#000" stroke-opacity="0.45" stroke-width="${line * 1.9}"/>`;
  return `${dark}<${shape} fill="${colourOf(index)}" fill-opacity="0.08" stroke="${colourOf(index)}" stroke-width="${line}"/>`;
}

/** The keypoints that can be seen, and for a person the lines between them. */
function pose({ keypoints, class: index }: Detection, { line }: Canvas): string {
  if (keypoints === undefined) return "";
  const { x, y, visible } = keypoints;
  const at = (i: number) => [short(x[i] ?? 0), short(y[i] ?? 0)] as const;
  const shown = shownKeypoints(visible);
  const lines = shown.limbs.map(([from, to]) => `M${at(from)}L${at(to)}`).join("");
  const points = shown.points.map((i) => {
    const [cx, cy] = at(i);
    return `<circle cx="${cx}" cy="${cy}" r="${short(line * 1.3)}"/>`;
  });
  const pen = `fill="none" stroke="${colourOf(index)}" stroke-width="${short(line)}" stroke-linecap="round"`;
  return `<path d="${lines}" ${pen}/><g fill="#fff" stroke="#111" stroke-width="${short(line / 2)}">${points.join("")}</g>`;
}

/** The best classes of a whole image, one below the other in its upper left corner. */
function classLabels(detections: readonly Detection[], canvas: Canvas): string[] {
  const classes = detections.filter(({ box }) => box === undefined).slice(0, MOST_CLASSES);
  const gap = canvas.capital / 2;
  return classes.map((detection, i) =>
    label(textOf(detection), detection.class, { x: gap, y: gap + i * 2.2 * canvas.capital }, canvas),
  );
}

const textOf = ({ name, confidence }: Pick<Detection, "name" | "confidence">) => `${name} ${confidence.toFixed(2)}`;

/** Height of a tag in pixels. */
const tagHeight = ({ capital }: Canvas) => 1.9 * capital;

/** Where the tag of a box begins: on its upper left corner, or inside it where the photo ends. */
function placeOf(box: Box | OrientedBox, canvas: Canvas): { x: number; y: number } {
  const corners = isOriented(box) ? cornersOf(box) : [[box.x1, box.y1] as const];
  const top = Math.min(...corners.map(([, y]) => y));
  const above = top - tagHeight(canvas);
  return { x: Math.min(...corners.map(([x]) => x)) - canvas.capital / 10, y: above >= 0 ? above : top };
}

/** A tag with a text; moved where it would leave the photo. */
function label(content: string, index: number, place: { x: number; y: number }, canvas: Canvas): string {
  const unit = canvas.capital / 10;
  const text = lettering(content);
  const width = (text.width + 9) * unit;
  const height = tagHeight(canvas);
  const x = Math.max(0, Math.min(place.x, canvas.width - width));
  const y = Math.max(0, Math.min(place.y, canvas.height - height));
  const tag = `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${2.5 * unit}" fill="${colourOf(index)}"/>`;
  const where = `translate(${x + 4.5 * unit} ${y + 4 * unit}) scale(${unit})`;
  const pen = `fill="none" stroke="#111" stroke-width="${STROKE}" stroke-linecap="round" stroke-linejoin="round"`;
  return `${tag}<g transform="${where}" ${pen}>${text.paths}</g>`;
}

function isOriented(box: Box | OrientedBox): box is OrientedBox {
  return "x3" in box;
}

function cornersOf({ x1, y1, x2, y2, x3, y3, x4, y4 }: OrientedBox) {
  return [
    [x1, y1],
    [x2, y2],
    [x3, y3],
    [x4, y4],
  ] as const;
}

/** Tenths of a pixel are enough to draw. */
function short(value: number): number {
  return Math.round(value * 10) / 10;
}

import sharp from "sharp";
import type { Detection } from "../contract.ts";
import { lettering, STROKE } from "./lettering.ts";

/** Colours that are told apart on photos, by class index; beyond the last they repeat. */
const COLOURS = [
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
] as const;

/** Height of a capital letter in pixels, for a photo whose shorter side has so many pixels. */
function letterHeight(shorterSide: number): number {
  return Math.max(7, shorterSide / 52);
}

/**
 * Draws boxes with class names and confidences onto a photo.
 * @param photo an encoded image; EXIF orientation is honoured, as in `POST /predict`
 * @param detections as the service answered them for this photo; surer ones are drawn over less sure ones
 * @returns the drawn photo as JPEG
 */
export async function annotate(photo: Uint8Array, detections: readonly Detection[]): Promise<Buffer> {
  const image = sharp(photo).autoOrient();
  const { width, height } = (await image.metadata()).autoOrient;
  const svg = Buffer.from(drawing(width, height, detections));
  return image
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .composite([{ input: svg, top: 0, left: 0 }])
    .jpeg({ quality: 92, chromaSubsampling: "4:4:4" })
    .toBuffer();
}

function drawing(width: number, height: number, detections: readonly Detection[]): string {
  const capital = letterHeight(Math.min(width, height));
  const ordered = detections.toSorted((a, b) => a.confidence - b.confidence);
  const boxes = ordered.map((detection) => outline(detection, capital));
  const labels = ordered.map((detection) => label(detection, capital, width, height));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${boxes.join("")}${labels.join("")}</svg>`;
}

/** A coloured line on a wider dark one, so that it shows on any background. */
function outline({ box, class: index }: Detection, capital: number): string {
  const line = Math.max(1.5, capital / 4.5);
  const shape = `x="${box.x1}" y="${box.y1}" width="${box.x2 - box.x1}" height="${box.y2 - box.y1}" rx="${line}"`;
  const dark = `<rect ${shape} fill="none" stroke="#000" stroke-opacity="0.45" stroke-width="${line * 1.9}"/>`;
  return `${dark}<rect ${shape} fill="${colourOf(index)}" fill-opacity="0.08" stroke="${colourOf(index)}" stroke-width="${line}"/>`;
}

/** A tag on the upper left corner of a box; inside the box or further left where it would leave the photo. */
function label(
  { box, class: index, name, confidence }: Detection,
  capital: number,
  width: number,
  height: number,
): string {
  const unit = capital / 10;
  const text = lettering(`${name} ${confidence.toFixed(2)}`);
  const tagWidth = (text.width + 9) * unit;
  const tagHeight = 19 * unit;
  const x = Math.max(0, Math.min(box.x1 - unit, width - tagWidth));
  const above = box.y1 - tagHeight;
  const y = Math.max(0, Math.min(above >= 0 ? above : box.y1, height - tagHeight));
  const tag = `<rect x="${x}" y="${y}" width="${tagWidth}" height="${tagHeight}" rx="${2.5 * unit}" fill="${colourOf(index)}"/>`;
  const place = `translate(${x + 4.5 * unit} ${y + 4 * unit}) scale(${unit})`;
  const pen = `fill="none" stroke="#111" stroke-width="${STROKE}" stroke-linecap="round" stroke-linejoin="round"`;
  return `${tag}<g transform="${place}" ${pen}>${text.paths}</g>`;
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? COLOURS[0];
}

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Box, Detection, ImageResult, OrientedBox, TaskName } from "../contract.ts";
import type { Findings, Mask } from "./inference/messages.ts";

/** How numbers are written. */
export interface ResultOptions {
  /** Coordinates as shares of the image's width and height instead of pixels. */
  normalize: boolean;
  /** Digits after the point. */
  decimals: number;
}

/** Writes a number of each kind. */
interface Scale {
  x(value: number): number;
  y(value: number): number;
  share(value: number): number;
}

/** Numbers that are rounded before others get their turn, and characters that are written: some milliseconds each. */
const TURN = { numbers: 16_384, characters: 262_144 } as const;

/** Turns what a worker found in an image into what callers get. */
export function toResults(findings: Findings, names: readonly string[], options: ResultOptions): Detection[] {
  return [...objectsOf(findings, names, options)];
}

/** The same, which lets others have their turn where there is much to do: the outlines of many masks. */
export async function toResultsInTurns(
  findings: Findings,
  names: readonly string[],
  options: ResultOptions,
): Promise<Detection[]> {
  const results: Detection[] = [];
  let numbers = 0;
  for (const result of objectsOf(findings, names, options)) {
    numbers += findings.columns + (findings.masks?.[results.length]?.outline.length ?? 0);
    results.push(result);
    if (numbers < TURN.numbers) continue;
    numbers = 0;
    await nextTurn();
  }
  return results;
}

/** Writes a result as JSON, which lets others have their turn where it is long. */
export async function toJson({ shape, results, speed }: ImageResult): Promise<string> {
  const parts: string[] = [];
  let characters = 0;
  for (const result of results) {
    const part = JSON.stringify(result);
    parts.push(part);
    characters += part.length;
    if (characters < TURN.characters) continue;
    characters = 0;
    await nextTurn();
  }
  return `{"shape":${JSON.stringify(shape)},"results":[${parts.join(",")}],"speed":${JSON.stringify(speed)}}`;
}

function* objectsOf(findings: Findings, names: readonly string[], options: ResultOptions): Generator<Detection> {
  const { rows, columns, task, masks } = findings;
  const scale = scaleOf(findings, options);
  for (let i = 0; i < rows.length; i += columns) {
    const row = rows.subarray(i, i + columns);
    const result = objectOf(task, row, names, scale);
    const mask = masks?.[i / columns];
    yield mask === undefined ? result : { ...result, ...maskOf(mask, findings, scale) };
  }
}

function scaleOf({ width, height }: Findings, { normalize, decimals }: ResultOptions): Scale {
  const share = (value: number) => Number(value.toFixed(decimals));
  if (!normalize) return { x: share, y: share, share };
  return { x: (value) => share(value / width), y: (value) => share(value / height), share };
}

function objectOf(task: TaskName, row: Float32Array, names: readonly string[], scale: Scale): Detection {
  const at = (index: number) => row[index] ?? Number.NaN;
  const [confidence, index] = task === "classify" ? [at(0), at(1)] : [at(4), at(5)];
  const known = { class: index, name: names[index] ?? String(index), confidence: scale.share(confidence) };
  switch (task) {
    case "classify":
      return known;
    case "obb":
      return { ...known, box: orientedBox(row, scale) };
    case "pose":
      return { ...known, box: boxOf(row, scale), keypoints: keypointsOf(row.subarray(6), scale) };
    default:
      return { ...known, box: boxOf(row, scale) };
  }
}

function boxOf(row: Float32Array, { x, y }: Scale): Box {
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = row;
  return { x1: x(x1), y1: y(y1), x2: x(x2), y2: y(y2) };
}

/** The corners of a rotated box, in single precision as the vendor computes them, from its lower right one around it. */
function orientedBox(row: Float32Array, { x, y }: Scale): OrientedBox {
  const [centreX = 0, centreY = 0, width = 0, height = 0, , , angle = 0] = row;
  const { fround } = Math;
  const cos = fround(Math.cos(angle));
  const sin = fround(Math.sin(angle));
  const along = [fround(fround(width / 2) * cos), fround(fround(width / 2) * sin)] as const;
  const across = [fround(fround(-height / 2) * sin), fround(fround(height / 2) * cos)] as const;
  const corner = (a: 1 | -1, b: 1 | -1) => [
    x(fround(fround(centreX + a * along[0]) + b * across[0])),
    y(fround(fround(centreY + a * along[1]) + b * across[1])),
  ];
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0, x4 = 0, y4 = 0] = [
    corner(1, 1),
    corner(1, -1),
    corner(-1, -1),
    corner(-1, 1),
  ].flat();
  return { x1, y1, x2, y2, x3, y3, x4, y4 };
}

function keypointsOf(points: Float32Array, scale: Scale): NonNullable<Detection["keypoints"]> {
  const column = (offset: number) => Array.from(points).filter((_, i) => i % 3 === offset);
  return { x: column(0).map(scale.x), y: column(1).map(scale.y), visible: column(2).map(scale.share) };
}

function maskOf(
  { outline, counts }: Mask,
  { width, height }: Findings,
  scale: Scale,
): Pick<Detection, "segments" | "mask"> {
  const x: number[] = [];
  const y: number[] = [];
  for (let i = 0; i < outline.length; i += 2) {
    x.push(scale.x(outline[i] as number));
    y.push(scale.y(outline[i + 1] as number));
  }
  return { segments: { x, y }, ...(counts === undefined ? {} : { mask: { size: [height, width], counts } }) };
}

import type { Detection, ImageResult, InfoResponse, PredictResponse } from "../index.ts";

/** Text from a file's name or a service, made safe for a terminal: without control characters. */
export function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, "\uFFFD");
}

/** How a number of things is said. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

/** What was found on one photo, for people: a line that sums up, and a line for each object. */
export function photoTable(name: string, { images, metadata }: PredictResponse): string {
  return images.map((image) => `${headline(name, image, metadata.model)}\n${objectTable(image.results)}`).join("");
}

function headline(name: string, { shape: [height, width], results, speed }: ImageResult, model: string): string {
  const milliseconds = speed.preprocess + speed.inference + speed.postprocess;
  const what = `${count(results.length, results[0]?.box === undefined && results.length > 0 ? "class" : "object")}`;
  return `${printable(name)}: ${width}x${height}, ${what.replace("classs", "classes")} by ${printable(model)} in ${milliseconds.toFixed(0)} ms`;
}

const CORNERS = ["x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4"] as const;

function objectTable(results: readonly Detection[]): string {
  if (results.length === 0) return "";
  const boxes = results.map(({ box = {} }) => box as Partial<Record<(typeof CORNERS)[number], number>>);
  const corners = CORNERS.filter((corner) => boxes.some((box) => box[corner] !== undefined));
  const rows = results.map(({ name, confidence }, index) => {
    return [printable(name), confidence.toFixed(2), ...corners.map((corner) => coordinate(boxes[index]?.[corner]))];
  });
  return table([["class", "confidence", ...corners], ...rows]);
}

/** Whole pixels; shares of the image's size keep their decimals. */
function coordinate(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(0);
}

/** Columns side by side, the first from the left and all others from the right, each row a line. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => {
      const cells = row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      );
      return `  ${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}

/** What a service says of itself, for people. */
export function infoText({ models, provider, workers, threads, versions }: InfoResponse): string {
  const rows = models.map(({ name, task, layout, input: { width, height, dynamic }, names }) => {
    return [name, task, layout, `${width}x${height}${dynamic ? " or smaller" : ""}`, String(names.length)].map(
      printable,
    );
  });
  const shown = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    table([["model", "task", "layout", "input", "classes"], ...rows]),
    `  on ${provider}, ${count(workers, "worker")}, ${count(threads, "thread")}\n`,
    `  ${printable(shown.join(", "))}\n`,
  ].join("");
}

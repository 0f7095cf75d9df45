import { type PredictCall, YoloClient, YoloError } from "../index.ts";
import type { DetectCommand } from "./arguments.ts";
import { resolveClasses } from "./classes.ts";
import { planOutput, writeWhole } from "./output.ts";
import { Progress } from "./progress.ts";
import { count, photoTable, printable } from "./report.ts";
import { findPhotos, type Missing, problemOf, type Source } from "./sources.ts";
import { UsageError } from "./usage.ts";

/** Where a command writes; both resolve when the text is on its way. */
export interface Console {
  out(text: string): Promise<void>;
  /** Messages for people. */
  err(text: string): Promise<void>;
}

/** What became of one photo. */
type Outcome = { text: string; objects: number } | { failure: unknown };

/** Failures that every other photo would meet as well. */
const HOPELESS: ReadonlySet<string> = new Set([
  "YOLO_SERVICE_UNREACHABLE",
  "YOLO_KEY_INVALID",
  "YOLO_MODEL_UNKNOWN",
  "YOLO_PARAMETER_INVALID",
]);

/**
 * Runs `yolo detect`: asks about all photos, prints what was found in their order, and goes on after one that fails.
 * @returns the exit code
 */
export async function detect(
  command: DetectCommand,
  folder: string,
  console: Console,
  signal: AbortSignal,
): Promise<number> {
  const started = performance.now();
  const client = new YoloClient(command.client);
  const { found, folders } = await findPhotos(command.photos, folder);
  const stop = new AbortController();
  const options: PredictCall = { ...command.options, signal: AbortSignal.any([signal, stop.signal]) };
  if (command.classes.length > 0) options.classes = await resolveClasses(client, command, signal);
  const work = workOf(command, client, found.filter(isSource), options);
  const terminal = process.stderr;
  const bar =
    folders > 0 && terminal.isTTY && process.env.TERM !== "dumb" ? new Progress(terminal, found.length) : undefined;
  const failed: string[] = [];
  let objects = 0;
  const asked = await inOrder(found, command.concurrency, work, async (photo, outcome) => {
    signal.throwIfAborted();
    bar?.clear();
    const answered = !("failure" in outcome);
    if (answered) {
      objects += outcome.objects;
      await console.out(outcome.text);
    } else {
      const { failure } = outcome;
      failed.push(printable(photo.name));
      if (command.result === "json") await console.out(jsonLine({ file: photo.name, error: errorOf(failure) }));
      await console.err(`yolo: ${failed.at(-1)}: ${describe(failure)}\n`);
      if (failure instanceof YoloError && HOPELESS.has(failure.code)) stop.abort();
    }
    bar?.advance(answered);
    return !stop.signal.aborted;
  });
  bar?.clear();
  await console.err(ending(found.length, asked, failed, objects, performance.now() - started));
  return failed.length === 0 ? 0 : 1;
}

function isSource(photo: Source | Missing): photo is Source {
  return "read" in photo;
}

/** What is done with each photo. */
function workOf(command: DetectCommand, client: YoloClient, sources: readonly Source[], options: PredictCall) {
  const { result } = command;
  const plan = typeof result === "object" ? planOutput(result.output, sources) : undefined;
  return async (photo: Source | Missing): Promise<Outcome> => {
    try {
      if (!isSource(photo)) throw new UsageError(photo.problem);
      const image = await photo.read(options.signal ?? AbortSignal.abort());
      const path = plan?.get(photo);
      if (path !== undefined) {
        await writeWhole(path, await client.annotate(image, options));
        return { text: `${printable(photo.name)} -> ${printable(path)}\n`, objects: 0 };
      }
      const response = await client.predict(image, options);
      const objects = response.images.reduce((sum, { results }) => sum + results.length, 0);
      const text = result === "json" ? jsonLine({ file: photo.name, ...response }) : photoTable(photo.name, response);
      return { text, objects };
    } catch (failure) {
      return { failure };
    }
  };
}

/**
 * Works on several items at once and hands over what became of them in their order; no more begin once `take` returns false
 * or throws.
 * @returns how many were handed over
 */
async function inOrder<Item, Result>(
  items: readonly Item[],
  concurrency: number,
  work: (item: Item) => Promise<Result>,
  take: (item: Item, result: Result) => Promise<boolean>,
): Promise<number> {
  const running: Promise<Result>[] = [];
  let taken = 0;
  for (const item of items) {
    while (running.length < concurrency && taken + running.length < items.length) {
      running.push(work(items[taken + running.length] as Item));
    }
    const result = await (running.shift() as Promise<Result>);
    taken++;
    if (!(await take(item, result))) return taken;
  }
  return taken;
}

function jsonLine(document: Record<string, unknown>): string {
  return `${JSON.stringify(document)}\n`;
}

function errorOf(failure: unknown): Record<string, unknown> {
  if (!(failure instanceof YoloError)) return { code: "YOLO_FILE_UNREADABLE", message: problemOf(failure) };
  const { code, message, status, requestId } = failure;
  return { code, message, status, requestId };
}

function describe(failure: unknown): string {
  if (!(failure instanceof YoloError)) return problemOf(failure);
  const id = failure.requestId === undefined ? "" : `, request ${failure.requestId}`;
  return printable(`${failure.message} (${failure.code}${id})`);
}

/** What is said at the end: nothing after a single photo that was answered. */
function ending(
  total: number,
  asked: number,
  failed: readonly string[],
  objects: number,
  milliseconds: number,
): string {
  if (total === 1) return "";
  const seconds = (milliseconds / 1000).toFixed(1);
  const found = objects === 0 ? "" : `, ${count(objects, "object")}`;
  const lines = [`${asked - failed.length} of ${count(total, "photo")} answered${found}, ${seconds} s`];
  if (failed.length > 0) lines.push(`${failed.length} failed:`, ...failed.map((name) => `  ${name}`));
  if (asked < total) lines.push(`${total - asked} not asked about, because they would fail in the same way.`);
  return `${lines.join("\n")}\n`;
}

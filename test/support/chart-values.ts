import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";

/** Folders with charts' real values.yaml and Chart.yaml, beside the clone where someone put them. */
const CHARTS_DIR = resolve(import.meta.dirname, "..", "..", "..", "shared", "charts");

/** Keys that a chart knows although its values.yaml sets them nowhere. */
export interface DocumentedKeys {
  /** Dotted keys that the file shows in comments only (`# foo:`), each with all that is below it. */
  commented?: readonly string[];
  /** Dotted keys of maps that the chart passes on as they are, such as flags of a program, although the file fills them. */
  passedOn?: readonly string[];
  /** Dotted keys of the charts that this one brings along, each with all that is below it: their own files have them. */
  dependencies?: readonly string[];
}

type Mapping = Readonly<Record<string, unknown>>;

/**
 * Dotted keys of `values` that the values.yaml of a chart does not have, which Helm would swallow without a word; undefined,
 * with a printed notice, where the file is not at hand. Below an empty map, a list and an empty value everything goes.
 * Throws an Error when a documented key is not documented.
 */
export function unknownKeys(values: object, chart: string, documented: DocumentedKeys = {}): string[] | undefined {
  const folder = join(CHARTS_DIR, chart);
  if (!existsSync(folder)) {
    console.log(`      Skipped: the values of chart ${chart} cannot be checked, because there is no ${folder}`);
    return undefined;
  }
  const text = readFileSync(join(folder, "values.yaml"), "utf8");
  const accepted = [
    ...(documented.passedOn ?? []),
    ...(documented.commented ?? []).map((key) => commentedKey(key, text, chart)),
    ...(documented.dependencies ?? []).map((key) => dependencyKey(key, folder, chart)),
  ];
  return missing(values as Mapping, parse(text) as Mapping, [], new Set(accepted));
}

function missing(values: Mapping, known: Mapping, path: readonly string[], accepted: ReadonlySet<string>): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const keyPath = [...path, key];
    const dotted = keyPath.join(".");
    if (value === undefined || accepted.has(dotted)) return [];
    if (!(key in known)) return [dotted];
    const below = known[key];
    if (!isMapping(value)) return [];
    if (isMapping(below)) return Object.keys(below).length === 0 ? [] : missing(value, below, keyPath, accepted);
    // A text or number that is replaced by a map: each of its keys is one that the chart does not read.
    if (below !== null && !Array.isArray(below) && below !== "") return missing(value, {}, keyPath, accepted);
    return [];
  });
}

function commentedKey(key: string, text: string, chart: string): string {
  const name = key.slice(key.lastIndexOf(".") + 1).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  if (!new RegExp(`^\\s*#[\\s#-]*${name}:`, "m").test(text)) {
    throw new Error(`Expected a comment that shows ${key} in the values.yaml of chart ${chart} but received none`);
  }
  return key;
}

function dependencyKey(key: string, folder: string, chart: string): string {
  const { dependencies = [] } = parse(readFileSync(join(folder, "Chart.yaml"), "utf8")) as {
    dependencies?: { name: string; alias?: string }[];
  };
  const names = dependencies.map(({ name, alias }) => alias ?? name);
  if (!names.some((name) => key.startsWith(`${name}.`))) {
    const expected = `a key of one of the charts that ${chart} brings along (${names.join(", ") || "none"})`;
    throw new Error(`Expected ${expected} but received ${key}`);
  }
  return key;
}

/** Whether a value is a map as YAML has it; an output of Pulumi, which has a class, is none. */
function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value) && value.constructor === Object;
}

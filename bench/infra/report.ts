import type { Goal } from "../goals.ts";
import { GROWING_RUNS, type Growth } from "./cluster.ts";
import { CONTENDERS, type FirstSamples } from "./first.ts";
import type { Timed } from "./stack.ts";

/** One kind of run, by the medians of its rounds. */
export interface Row {
  what: string;
  /** Resources that providers make. */
  resources: number;
  /** Until the first of them. */
  firstSeconds: number;
  seconds: number;
}

/** Everything that was measured; what a quick run leaves out is empty. */
export interface Measured {
  first: FirstSamples;
  unchanged: readonly Timed[];
  growth: readonly Growth[];
}

/** The middle of some values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/** A row for each kind of run that took place. */
export function rowsOf({ first, unchanged, growth }: Measured): Row[] {
  return [
    ...CONTENDERS.map((contender) => rowOf(`preview of dev: ${contender}`, first.runs[contender])),
    rowOf("up of dev, nothing changed", unchanged),
    ...GROWING_RUNS.flatMap((run) =>
      growth.map(({ detectors, runs }) => rowOf(`${run}, ${detectors} detectors`, runs[run])),
    ),
  ].filter(({ seconds }) => !Number.isNaN(seconds));
}

function rowOf(what: string, runs: readonly Timed[]): Row {
  return {
    what,
    resources: runs[0]?.resources ?? 0,
    firstSeconds: median(runs.map(({ firstSeconds = Number.NaN }) => firstSeconds)),
    seconds: median(runs.map(({ seconds }) => seconds)),
  };
}

/** The rows as text. */
export function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ what }) => what.length));
  const line = (cells: string[]) => cells.map((cell, n) => (n === 0 ? cell.padEnd(width) : cell.padStart(11))).join("");
  return [
    line(["", "resources", "first s", "all s"]),
    ...rows.map((row) => line([row.what, `${row.resources}`, row.firstSeconds.toFixed(1), row.seconds.toFixed(1)])),
  ].join("\n");
}

/** Holds what was measured against the goals of docs/bench.md. */
export function goalsOf({ first, unchanged, growth }: Measured): Goal[] {
  const goal = (text: string, value: number, met: (value: number) => boolean) => ({ text, value, met: met(value) });
  const ours = rowOf("ours", first.runs.ours);
  // Pulumi's own host is a Go program that cannot be had here: it is taken to start at once.
  const lead = (contender: "ts-node after a change" | "ts-node without a change") =>
    (rowOf(contender, first.runs[contender]).firstSeconds - median(first.hostSeconds)) / ours.firstSeconds;
  const slope = (run: (typeof GROWING_RUNS)[number], from: number, to: number) => {
    const at = (detectors: number) =>
      rowOf("", growth.find((each) => each.detectors === detectors)?.runs[run] ?? []).seconds;
    return (at(to) - at(from)) / (to - from);
  };
  return [
    goal("preview of dev, seconds, at most 8", ours.seconds, (value) => value <= 8),
    goal("up of dev with nothing changed, seconds, at most 15", rowOf("", unchanged).seconds, (value) => value <= 15),
    ...(["ts-node after a change", "ts-node without a change"] as const).map((contender) =>
      goal(`first resource: ${contender}, over ours, at least 2`, lead(contender), (value) => value >= 2),
    ),
    ...GROWING_RUNS.map((run) =>
      goal(
        `${run}: seconds of a detector more from 10 to 20, over those from 1 to 10, at most 1.2`,
        slope(run, 10, 20) / slope(run, 1, 10),
        (value) => value <= 1.2,
      ),
    ),
  ].filter(({ value }) => !Number.isNaN(value));
}

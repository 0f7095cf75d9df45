import type { Goal } from "../goals.ts";
import type { Sample } from "./measure.ts";
import type { Contender } from "./servers.ts";

/** One server under so many callers, over all rounds. */
export interface Row {
  server: string;
  /** Callers at a time. */
  c: number;
  /** Answers a second. */
  rps: number;
  p50Ms: number;
  p99Ms: number;
  /** Of all its processes. */
  rssMb: number;
  cpuSPerRequest: number;
  /** Throughput as a share of what `session.run` alone reaches: on all processors for one caller, on one each for several. */
  ratioToLimit: number;
}

/** Samples by server, then by number of callers. */
export type Samples = ReadonlyMap<Contender, ReadonlyMap<number, readonly Sample[]>>;

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Answers a second. */
function rate(rounds: readonly Sample[]): number {
  return sum(rounds.map(({ latencies }) => latencies.length)) / sum(rounds.map(({ seconds }) => seconds));
}

/** Makes rows of samples; one for each server and number of callers, in the order of the samples. */
export function rowsOf(samples: Samples): Row[] {
  const limitAt = (c: number) => {
    const kind = c === 1 ? "limit alone" : "limit together";
    const [, columns] = [...samples].find(([contender]) => contender.kind === kind) ?? [];
    return rate(columns?.get(c) ?? []);
  };
  return [...samples].flatMap(([{ name }, columns]) =>
    [...columns].map(([c, rounds]) => {
      const latencies = rounds.flatMap((round) => round.latencies);
      const rps = rate(rounds);
      return {
        server: name,
        c,
        rps,
        p50Ms: quantile(latencies, 0.5),
        p99Ms: quantile(latencies, 0.99),
        rssMb: Math.max(...rounds.map(({ rssMb }) => rssMb)),
        cpuSPerRequest: sum(rounds.map(({ cpuSeconds }) => cpuSeconds)) / latencies.length,
        ratioToLimit: rps / limitAt(c),
      };
    }),
  );
}

/** The rows as text, by number of callers. */
export function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ server }) => server.length));
  const line = (cells: string[]) => cells.map((cell, i) => (i === 0 ? cell.padEnd(width) : cell.padStart(9))).join("");
  return [...new Set(rows.map(({ c }) => c))]
    .map((callers) => {
      const head = line([`c = ${callers}`, "rps", "of limit", "p50 ms", "p99 ms", "RSS MB", "CPU s/req"]);
      const lines = rows
        .filter(({ c }) => c === callers)
        .map((row) =>
          line([
            row.server,
            row.rps.toFixed(1),
            row.ratioToLimit.toFixed(2),
            row.p50Ms.toFixed(1),
            row.p99Ms.toFixed(1),
            row.rssMb.toFixed(0),
            row.cpuSPerRequest.toFixed(3),
          ]),
        );
      return [head, ...lines].join("\n");
    })
    .join("\n\n");
}

/**
 * Holds the rows against the goals of docs/bench.md.
 * @param startSeconds from starting a process to ready; the limit's is what loading the model takes without a server
 */
export function goalsOf(
  rows: readonly Row[],
  contenders: readonly Contender[],
  startSeconds: { ours: number; limit: number },
): Goal[] {
  const ours = rows.filter(({ server }) => server === "ours");
  const at = (c: number, server = "ours") => rows.find((row) => row.c === c && row.server === server);
  const kindOf = (name: string) => contenders.find((contender) => contender.name === name)?.kind;
  const goal = (text: string, value: number, met: (value: number) => boolean): Goal => ({
    text,
    value,
    met: met(value),
  });
  const atLeast = (least: number) => (value: number) => value >= least;
  const atMost = (most: number) => (value: number) => value <= most;
  const alone = rows.find((row) => row.c === 1 && kindOf(row.server) === "limit alone");
  const lead = (kind: Contender["kind"]) => {
    const ratios = rows
      .filter(({ server }) => kindOf(server) === kind)
      .map((row) => (at(row.c)?.rps ?? Number.NaN) / row.rps);
    return ratios.length === 0 ? Number.NaN : Math.min(...ratios);
  };
  const busy = at(16);
  const equals = rows.filter((row) => {
    const isPeer = kindOf(row.server) === "defaults" || kindOf(row.server) === "tuned";
    return isPeer && row.c === 16 && busy !== undefined && row.rps >= 0.9 * busy.rps;
  });
  return [
    goal("c=16: throughput as a share of the limit, at least 0.90", busy?.ratioToLimit ?? Number.NaN, atLeast(0.9)),
    goal(
      "c=1: p50 over that of session.run on all processors, at most 1.20",
      (at(1)?.p50Ms ?? Number.NaN) / (alone?.p50Ms ?? Number.NaN),
      atMost(1.2),
    ),
    goal("throughput over the best peer's with defaults, worst column, at least 1.25", lead("defaults"), atLeast(1.25)),
    goal("throughput over the best tuned peer's, worst column, at least 1.03", lead("tuned"), atLeast(1.03)),
    goal("c=16: p99 over p50, at most 1.4", (busy?.p99Ms ?? Number.NaN) / (busy?.p50Ms ?? Number.NaN), atMost(1.4)),
    goal(
      `seconds from start to ready (${startSeconds.ours.toFixed(1)}) beyond those of the limit (${startSeconds.limit.toFixed(1)}), which loads the model too, at most 2`,
      startSeconds.ours - startSeconds.limit,
      atMost(2),
    ),
    goal(
      "c=16: memory over that of the smallest peer with 0.9 of our throughput or more, below 1",
      equals.length === 0
        ? 0
        : Math.max(...ours.filter(({ c }) => c === 16).map(({ rssMb }) => rssMb)) /
            Math.min(...equals.map(({ rssMb }) => rssMb)),
      (value) => value < 1,
    ),
  ];
}

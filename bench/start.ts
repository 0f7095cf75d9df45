import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { readArguments } from "../local/arguments.ts";
import type { ClusterStatus } from "../local/cluster/index.ts";
import { runMain } from "../local/errors.ts";
import { ROOT } from "../local/paths.ts";

const USAGE = `Usage: npm run bench:start [-- --cold] [--json FILE]
Measures the way from a command to a detection, on a cluster of its own.

  --cold       also measure a fresh clone with empty caches (builds everything from source; up to 20 minutes)
  --json FILE  write the rows as JSON as well`;

interface Row {
  what: string;
  value: number;
  unit: "s" | "GiB";
  /** The most that is acceptable on 2 cores. */
  goal: number;
}

type Environment = Record<string, string>;

/** Runs an npm script of a clone and returns the seconds that it took; its output goes to stderr, so that progress can be seen. */
async function timed(clone: string, script: string[], env: Environment, signal: AbortSignal): Promise<number> {
  const started = performance.now();
  await execa("npm", ["run", "--silent", ...script], {
    cwd: clone,
    env,
    stdin: "ignore",
    stdout: process.stderr,
    stderr: "inherit",
    cancelSignal: signal,
    forceKillAfterDelay: 60_000,
  });
  return (performance.now() - started) / 1000;
}

/** A fresh clone, an empty tool cache and an empty npm cache: what a newcomer's first `npm start` costs. */
async function cold(folder: string, signal: AbortSignal): Promise<Row> {
  const clone = join(folder, "clone");
  await execa("git", ["clone", "--quiet", ROOT, clone]);
  const env = { YOLO_CACHE: join(folder, "cache"), npm_config_cache: join(folder, "npm") };
  try {
    return {
      what: "cold: fresh clone, empty caches",
      value: await timed(clone, ["start"], env, signal),
      unit: "s",
      goal: 1200,
    };
  } finally {
    await timed(clone, ["stop"], env, AbortSignal.timeout(60_000));
  }
}

async function warm(folder: string, signal: AbortSignal): Promise<Row[]> {
  const env = { YOLO_STATE: join(folder, "state") };
  const seconds = (what: string, value: number, goal: number): Row => ({ what, value, unit: "s", goal });
  const rows: Row[] = [];
  try {
    await timed(ROOT, ["start"], env, signal); // fills the caches
    await timed(ROOT, ["stop"], env, signal);
    rows.push(seconds("warm: caches full, nothing running", await timed(ROOT, ["start"], env, signal), 60));
    rows.push(seconds("again: running and unchanged", await timed(ROOT, ["start"], env, signal), 15));
    const preview = ["pulumi", "--", "preview", "--expect-no-changes"];
    rows.push(seconds("pulumi preview, unchanged", await timed(ROOT, preview, env, signal), 5));
    const { stdout } = await execa("npm", ["run", "--silent", "status", "--", "--json"], { cwd: ROOT, env });
    const { rssBytes } = JSON.parse(stdout) as ClusterStatus;
    rows.push({ what: "memory of the idle cluster (RSS)", value: rssBytes / 2 ** 30, unit: "GiB", goal: 1.5 });
  } finally {
    rows.push(seconds("npm stop", await timed(ROOT, ["stop"], env, AbortSignal.timeout(60_000)), 10));
  }
  return rows;
}

function table(rows: Row[]): string {
  const width = Math.max(...rows.map(({ what }) => what.length));
  return rows
    .map(({ what, value, unit, goal }) => {
      const figures = `${value.toFixed(1).padStart(7)} ${unit.padEnd(3)}  goal ${String(goal).padStart(5)} ${unit.padEnd(3)}`;
      return `${what.padEnd(width)} ${figures}  ${(value / goal).toFixed(2)} of the goal`;
    })
    .join("\n");
}

await runMain(async (signal) => {
  const values = readArguments(USAGE, { options: { cold: { type: "boolean" }, json: { type: "string" } } })?.values;
  if (values === undefined) return;
  const folder = await mkdtemp(join(tmpdir(), "yolo-bench-"));
  try {
    const rows = [...(values.cold ? [await cold(folder, signal)] : []), ...(await warm(folder, signal))];
    console.log(table(rows));
    if (values.json !== undefined)
      await writeFile(resolve(process.env.INIT_CWD ?? ".", values.json), `${JSON.stringify(rows, undefined, 2)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

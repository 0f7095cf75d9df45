import { existsSync } from "node:fs";
import { glob, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { readArguments } from "../local/arguments.ts";
import { runMain, UserError } from "../local/errors.ts";
import { ROOT } from "../local/paths.ts";
import { ensureToolchain } from "../local/toolchain/index.ts";

const USAGE = `Usage: npm test [-- PART ...]
Runs the type check, the linter and every test file; with PART only the files whose path contains one of the words.`;

/** A file that does not end by itself in this time is ended and counts as failed; in milliseconds. */
const FILE_TIMEOUT_MS = 15 * 60_000;

interface MochaReport {
  stats: { passes: number; failures: number; pending: number };
  failures: { fullTitle: string; err: { message?: string; stack?: string } }[];
  pending: { fullTitle: string }[];
}

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
}

async function testFiles(parts: string[]): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob("**/*.test.ts", { cwd: join(ROOT, "test") })) files.push(join("test", file));
  return files.sort().filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
}

/** Files of which only one of a kind runs at a time, by what their paths match. */
const ALONE = [
  // Two whole clusters at once would starve each other.
  /^test\/local\/(?:start|cluster|image-load|orphans)/,
  // An API server each, with simulated nodes.
  /^test\/(?:local\/teardown-stack|standins\/(?:failures|gpu|render|stacks))/,
];

/** Lanes that have no kind of their own. */
const OTHER_LANES = 2;

/** What runs side by side: each function gives the next file of a lane, one of its own kind first and then one of the rest. */
function lanesOf(files: string[]): (() => string | undefined)[] {
  const kindOf = (file: string) => ALONE.findIndex((kind) => kind.test(file));
  const rest = files.filter((file) => kindOf(file) === -1);
  const own = [...ALONE.keys()].map((kind) => files.filter((file) => kindOf(file) === kind));
  return [...own, ...Array.from({ length: OTHER_LANES }, () => [])].map((list) => () => list.shift() ?? rest.shift());
}

/** Runs one file in a process of its own, because Pulumi's mocks are global to a process. */
async function runFile(file: string, folder: string, signal: AbortSignal): Promise<Outcome> {
  const started = Date.now();
  const report = join(folder, `${file.replaceAll("/", "-")}.json`);
  const args = ["--reporter", "json", "--reporter-option", `output=${report}`, "--timeout", "60000", file];
  const run = await execa("mocha", args, {
    cwd: ROOT,
    preferLocal: true,
    reject: false,
    all: true,
    stdin: "ignore",
    // What all files import is compiled once.
    env: { TMPDIR: folder, NODE_COMPILE_CACHE: join(folder, "compiled") },
    timeout: FILE_TIMEOUT_MS,
    cancelSignal: signal,
    forceKillAfterDelay: 20_000,
  });
  signal.throwIfAborted();
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const text = await readFile(report, "utf8").catch(() => "");
  if (text === "") {
    console.log(
      `✖ ${file} ended without a report (${run.timedOut ? "timed out" : `exit code ${run.exitCode}`})\n${run.all}`,
    );
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const { stats, failures, pending } = JSON.parse(text) as MochaReport;
  // A report without failures from a process that then died is not a pass.
  const died = failures.length === 0 && run.exitCode !== 0;
  const failed = stats.failures + (died ? 1 : 0);
  console.log(`${failed === 0 ? "✔" : "✖"} ${file}: ${stats.passes} passed, ${failed} failed (${seconds} s)`);
  for (const { fullTitle } of pending) console.log(`  skipped: ${fullTitle}`);
  for (const { fullTitle, err } of failures) console.log(`  ✖ ${fullTitle}\n${indent(err.stack ?? err.message ?? "")}`);
  if (died) console.log(indent(`ended with ${run.signal ?? `exit code ${run.exitCode}`}\n${run.all}`));
  return { passed: stats.passes, failed, skipped: stats.pending };
}

/** Removes the clusters of tests that were ended before they could do it themselves. */
async function stopClusters(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const state = join(folder, name);
    if (!existsSync(join(state, "node"))) continue;
    await execa(process.execPath, [join(ROOT, "local", "stop.ts")], { env: { YOLO_STATE: state }, reject: false });
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, "    ");
}

async function check(signal: AbortSignal): Promise<Outcome> {
  const { exitCode, all } = await execa(process.execPath, [join(import.meta.dirname, "check.ts")], {
    reject: false,
    all: true,
    cancelSignal: signal,
  });
  console.log(exitCode === 0 ? "✔ types, lint and format" : `✖ types, lint and format\n${indent(all ?? "")}`);
  return { passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
}

await runMain(async (signal) => {
  const parts = readArguments(USAGE, { options: {}, allowPositionals: true })?.positionals;
  if (parts === undefined) return;
  const files = await testFiles(parts);
  if (files.length === 0)
    throw new UserError(`Expected part of a test file's path, but no file under test/ contains ${parts}.`);
  const total: Outcome = { passed: 0, failed: 0, skipped: 0 };
  const add = (outcome: Outcome) => {
    total.passed += outcome.passed;
    total.failed += outcome.failed;
    total.skipped += outcome.skipped;
  };
  const folder = await mkdtemp(join(tmpdir(), "yolo-test-"));
  try {
    await ensureToolchain({ signal });
    const runLane = async (next: () => string | undefined) => {
      for (let file = next(); file !== undefined; file = next()) add(await runFile(file, folder, signal));
    };
    const lanes = lanesOf(files).map(runLane);
    if (parts.length === 0) lanes.push(check(signal).then(add));
    // All settled, so that nothing runs any more when the folder goes.
    for (const lane of await Promise.allSettled(lanes)) {
      if (lane.status === "rejected") throw lane.reason;
    }
  } finally {
    await stopClusters(folder);
    await rm(folder, { recursive: true, force: true });
  }
  if (total.failed > 0) process.exitCode = 1;
  console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
});

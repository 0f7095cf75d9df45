import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readArguments } from "../local/arguments.ts";
import { runMain } from "../local/errors.ts";
import { ROOT } from "../local/paths.ts";
import { PLACEHOLDERS } from "../local/plan-placeholders.ts";
import type { PlanOptions } from "../local/plan-run.ts";
import { ensureToolchain } from "../local/toolchain/index.ts";
import { SimulatedCluster } from "../test/support/simulated-cluster.ts";
import { goalTable } from "./goals.ts";
import { type Growth, measureGrowth, measureUnchanged } from "./infra/cluster.ts";
import { measureFirst } from "./infra/first.ts";
import { goalsOf, median, rowsOf, table } from "./infra/report.ts";
import type { Timed } from "./infra/stack.ts";

const USAGE = `Usage: npm run bench:infra [-- --quick] [--json FILE]
Measures Pulumi on the dev stack, against stand-ins of AWS and on a real API server with simulated nodes, and beside a plain
program of the same resources under ts-node; needs root. Explained in docs/bench.md. Nothing else should run meanwhile.

  --quick      previews of dev only, once: rough
  --json FILE  write the rows and the goals as JSON as well`;

const ROUNDS = 3;

interface OnCluster {
  unchanged: Timed[];
  growth: Growth[];
}

async function measureOnCluster(folder: string, options: PlanOptions): Promise<OnCluster> {
  console.error("Starting a cluster ...");
  const cluster = await SimulatedCluster.start();
  try {
    options.signal.throwIfAborted();
    const growth = await measureGrowth(folder, cluster, options, { preview: ROUNDS, up: 1 }, console.error);
    return { growth, unchanged: await measureUnchanged(folder, cluster, options, ROUNDS, console.error) };
  } finally {
    await cluster[Symbol.asyncDispose]();
  }
}

await runMain(async (signal) => {
  const values = readArguments(USAGE, { options: { quick: { type: "boolean" }, json: { type: "string" } } })?.values;
  if (values === undefined) return;
  const toolchain = await ensureToolchain({ signal, report: () => {} });
  const folder = await mkdtemp(join(tmpdir(), "yolo-bench-"));
  try {
    const options = { toolchain, signal, directory: ROOT, stack: "dev", placeholders: PLACEHOLDERS };
    const first = await measureFirst(folder, options, values.quick ? 1 : ROUNDS, console.error);
    const rest = values.quick ? { unchanged: [], growth: [] } : await measureOnCluster(folder, options);
    const measured = { first, ...rest };
    const [rows, goals] = [rowsOf(measured), goalsOf(measured)];
    console.log(
      [
        `${availableParallelism()} processors (${cpus()[0]?.model}), Node ${process.versions.node}`,
        table(rows),
        `The language host starts in ${median(first.hostSeconds).toFixed(2)} s: so much less is taken for ts-node below.`,
        goalTable(goals),
      ].join("\n\n"),
    );
    if (values.json !== undefined) {
      const text = JSON.stringify({ rows, goals }, undefined, 2);
      await writeFile(resolve(process.env.INIT_CWD ?? ".", values.json), `${text}\n`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

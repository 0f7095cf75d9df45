import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { readArguments } from "../local/arguments.ts";
import { runMain, UserError } from "../local/errors.ts";
import { ROOT } from "../local/paths.ts";
import { goalTable } from "./goals.ts";
import { differences } from "./service/agreement.ts";
import { CallError } from "./service/load.ts";
import { type Sample, sample } from "./service/measure.ts";
import { makeModel } from "./service/model.ts";
import { goalsOf, rowsOf, table } from "./service/report.ts";
import { type Running, start } from "./service/running.ts";
import { CONTENDERS, type Contender, type Inputs } from "./service/servers.ts";

const USAGE = `Usage: npm run bench:service [-- --quick] [--json FILE]
Measures the detection service beside other servers and beside the limit of the machine, in turns, in one run
of 12 minutes; the first one also installs the others. Explained in docs/bench.md. Nothing else should run meanwhile.

  --quick      one round for 1, 4 and 16 callers: under 4 minutes once the peers are installed, and rough
  --json FILE  write the rows as JSON as well`;

const FULL = { callers: [1, 4, 16, 64], rounds: 3, ms: 4_500 } as const;
const QUICK = { callers: [1, 4, 16], rounds: 1, ms: 4_000 } as const;

async function makeInputs(folder: string): Promise<Inputs> {
  const { content, gigaflops } = makeModel();
  const model = join(folder, "bench.onnx");
  await writeFile(model, content);
  console.error(
    `Model: ${gigaflops.toFixed(1)} GFLOP at 640 x 640, output [1, 84, 8400], the layers of the smallest current YOLO ` +
      "with pseudorandom weights; what it finds means nothing.",
  );
  const photo = await sharp(join(ROOT, "samples/street.jpg"))
    .resize(810, 1080, { fit: "cover" })
    .jpeg({ quality: 90 })
    .toBuffer();
  return { model, content, photo, folder };
}

/** Starts all; `running` grows by each. A peer that cannot be installed or started is left out, and named in the result. */
async function startAll(inputs: Inputs, running: Running[], signal: AbortSignal): Promise<string[]> {
  const missing: string[] = [];
  for (const contender of CONTENDERS) {
    console.error(`Starting ${contender.name} ...`);
    try {
      running.push(await start(contender, inputs, signal));
    } catch (error) {
      const isPeer = contender.kind === "defaults" || contender.kind === "tuned";
      if (!(error instanceof UserError) || !isPeer || signal.aborted) throw error;
      missing.push(`${contender.name}: ${error.message}`);
    }
  }
  return missing;
}

/** Holds what all found in the photo against what ours did: only servers that do the same work can be compared. */
function agreement(running: readonly Running[]): string {
  const ours = running.find(({ contender }) => contender.kind === "ours")?.found ?? [];
  const lines = running.flatMap(({ contender: { name, kind }, found }) => {
    if (found === undefined || kind === "ours") return [];
    const count = differences(ours, found);
    return [`  ${count === 0 ? "same   " : "DIFFERS"}  ${name}${count === 0 ? "" : ` (${count} objects of either)`}`];
  });
  return [`Ours found ${ours.length} objects in the photo; beside it`, ...lines].join("\n");
}

/** Whether a limit has this column: one for one caller, the other for several. */
function takesPart({ kind }: Contender, callers: number): boolean {
  return kind === "limit alone" ? callers === 1 : kind !== "limit together" || callers > 1;
}

async function measure(running: readonly Running[], plan: typeof FULL | typeof QUICK, signal: AbortSignal) {
  const failures: string[] = [];
  const samples = new Map<Contender, Map<number, Sample[]>>(running.map(({ contender }) => [contender, new Map()]));
  for (let round = 1; round <= plan.rounds; round++) {
    for (const callers of plan.callers) {
      console.error(`Round ${round} of ${plan.rounds}: ${callers} callers ...`);
      for (const one of running) {
        if (!takesPart(one.contender, callers)) continue;
        const columns = samples.get(one.contender);
        try {
          const found = await sample(one, callers, plan.ms, signal);
          columns?.set(callers, [...(columns.get(callers) ?? []), found]);
        } catch (error) {
          if (!(error instanceof CallError)) throw error;
          failures.push(`${one.contender.name}, ${callers} callers, round ${round}: ${error.message}`);
        }
      }
    }
  }
  return { samples, failures };
}

await runMain(async (signal) => {
  const options = { quick: { type: "boolean" }, json: { type: "string" } } as const;
  const values = readArguments(USAGE, { options })?.values;
  if (values === undefined) return;
  const folder = await mkdtemp(join(tmpdir(), "yolo-bench-"));
  const running: Running[] = [];
  try {
    const missing = await startAll(await makeInputs(folder), running, signal);
    const { samples, failures } = await measure(running, values.quick ? QUICK : FULL, signal);
    const rows = rowsOf(samples);
    const startOf = (kind: Contender["kind"]) =>
      running.find(({ contender }) => contender.kind === kind)?.startSeconds ?? Number.NaN;
    const parts = [
      `${availableParallelism()} processors (${cpus()[0]?.model}), Node ${process.versions.node}`,
      table(rows),
      agreement(running),
      goalTable(goalsOf(rows, CONTENDERS, { ours: startOf("ours"), limit: startOf("limit together") })),
      ...missing.map((text) => `Left out: ${text}`),
      ...failures.map((text) => `Failed: ${text}`),
    ];
    console.log(parts.join("\n\n"));
    if (values.json !== undefined) {
      await writeFile(resolve(process.env.INIT_CWD ?? ".", values.json), `${JSON.stringify(rows, undefined, 2)}\n`);
    }
  } finally {
    await Promise.all(running.map((one) => one.stop()));
    await rm(folder, { recursive: true, force: true });
  }
});

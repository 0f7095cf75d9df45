import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { readArguments } from "../local/arguments.ts";
import { runMain, UserError } from "../local/errors.ts";
import { ROOT } from "../local/paths.ts";
import { type Sample, sample } from "./service/measure.ts";
import { makeModel } from "./service/model.ts";
import { goalsOf, goalTable, rowsOf, table } from "./service/report.ts";
import { type Running, start } from "./service/running.ts";
import { CONTENDERS, type Contender, type Inputs } from "./service/servers.ts";

const USAGE = `Usage: npm run bench:service [-- --quick] [--json FILE]
Measures the detection service beside other servers and beside the limit of the machine, in turns, in one run.
Explained in docs/bench.md. Nothing else should run meanwhile.

  --quick      one short round for 1, 4 and 16 callers: under 4 minutes once the peers are installed, and rough
  --json FILE  write the rows as JSON as well`;

const FULL = { callers: [1, 4, 16, 64], rounds: 3, ms: 10_000 } as const;
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

/** Starts all; a peer that cannot be installed or started is left out, and said so. */
async function startAll(inputs: Inputs, signal: AbortSignal): Promise<Running[]> {
  const running: Running[] = [];
  try {
    for (const contender of CONTENDERS) {
      console.error(`Starting ${contender.name} ...`);
      try {
        running.push(await start(contender, inputs, signal));
      } catch (error) {
        const optional = contender.kind === "defaults" || contender.kind === "tuned";
        if (!(error instanceof UserError) || !optional || signal.aborted) throw error;
        console.error(`Left out: ${contender.name}. ${error.message}`);
      }
    }
  } catch (error) {
    await Promise.all(running.map((one) => one.stop()));
    throw error;
  }
  return running;
}

/** Whether a limit has this column: one for one caller, the other for several. */
function takesPart({ kind }: Contender, callers: number): boolean {
  return kind === "limit alone" ? callers === 1 : kind !== "limit together" || callers > 1;
}

async function measure(running: readonly Running[], plan: typeof FULL | typeof QUICK, signal: AbortSignal) {
  const samples = new Map<Contender, Map<number, Sample[]>>(running.map(({ contender }) => [contender, new Map()]));
  for (let round = 1; round <= plan.rounds; round++) {
    for (const callers of plan.callers) {
      console.error(`Round ${round} of ${plan.rounds}: ${callers} callers ...`);
      for (const one of running) {
        if (!takesPart(one.contender, callers)) continue;
        const columns = samples.get(one.contender);
        const found = await sample(one, callers, plan.ms, signal);
        columns?.set(callers, [...(columns.get(callers) ?? []), found]);
      }
    }
  }
  return samples;
}

await runMain(async (signal) => {
  const options = { quick: { type: "boolean" }, json: { type: "string" } } as const;
  const values = readArguments(USAGE, { options })?.values;
  if (values === undefined) return;
  const folder = await mkdtemp(join(tmpdir(), "yolo-bench-"));
  try {
    const running = await startAll(await makeInputs(folder), signal);
    try {
      const rows = rowsOf(await measure(running, values.quick ? QUICK : FULL, signal));
      const startSeconds = running.find(({ contender }) => contender.kind === "ours")?.startSeconds ?? Number.NaN;
      console.log(`${availableParallelism()} processors (${cpus()[0]?.model}), Node ${process.versions.node}\n`);
      console.log(`${table(rows)}\n\n${goalTable(goalsOf(rows, CONTENDERS, startSeconds))}`);
      if (values.json !== undefined)
        await writeFile(resolve(process.env.INIT_CWD ?? ".", values.json), `${JSON.stringify(rows, undefined, 2)}\n`);
    } finally {
      await Promise.all(running.map((one) => one.stop()));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

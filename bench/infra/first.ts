import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { PlanOptions } from "../../local/plan-run.ts";
import { writePlainProject } from "./plain.ts";
import { type Timed, TimedStack } from "./stack.ts";

/** Who previews the same resources. */
export const CONTENDERS = ["ours", "ts-node after a change", "ts-node without a change"] as const;

/** One of those who preview the same resources. */
export type Contender = (typeof CONTENDERS)[number];

/** Runs of each contender, one of each in a round, and what starting the language host took in each round. */
export interface FirstSamples {
  runs: Record<Contender, Timed[]>;
  hostSeconds: number[];
}

/** What is told of a run while it goes on. */
type Report = (line: string) => void;

/** Previews the dev stack, and a plain program of its resources, in turns. */
export async function measureFirst(
  folder: string,
  options: PlanOptions,
  rounds: number,
  report: Report,
): Promise<FirstSamples> {
  const { toolchain, signal } = options;
  const ours = await TimedStack.make(join(folder, "ours"), options);
  report("Warming up ...");
  const { events } = await ours.preview();
  const project = join(folder, "plain");
  await writePlainProject(project, events);
  const plain = await TimedStack.make(join(folder, "plain-stack"), {
    toolchain,
    signal,
    directory: project,
    stack: "dev",
  });
  const samples: FirstSamples = {
    runs: { ours: [], "ts-node after a change": [], "ts-node without a change": [] },
    hostSeconds: [],
  };
  for (let round = 1; round <= rounds; round++) {
    // ts-node of Pulumi's SDK keeps what it has compiled, by the content of the file: an empty folder is a file that was changed.
    const cache = join(folder, `ts-node-${round}`);
    await mkdir(cache);
    for (const contender of CONTENDERS) {
      report(`Preview of dev, round ${round} of ${rounds}: ${contender} ...`);
      const run = contender === "ours" ? ours.preview() : plain.preview({ TS_NODE_CACHE_DIRECTORY: cache });
      samples.runs[contender].push(await run);
    }
    samples.hostSeconds.push(await startHost(join(toolchain.binDir, "pulumi-language-nodejs")));
  }
  return samples;
}

/** Seconds from a start of the language host to its answer. */
async function startHost(host: string): Promise<number> {
  const started = performance.now();
  // It calls the engine's address when a program is run, and not before.
  const child = spawn(host, ["127.0.0.1:1"], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const seconds = (performance.now() - started) / 1000;
  child.stdin.end();
  await once(child, "close");
  return seconds;
}

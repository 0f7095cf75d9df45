import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { GpuSharing } from "../../infra/gpu/sharing.ts";
import { ROOT } from "../../local/paths.ts";
import type { PlanOptions } from "../../local/plan-run.ts";
import { Account } from "../../test/standins/aws/account.ts";
import { writeCharts } from "../../test/standins/charts.ts";
import { SimulatedAws } from "../../test/standins/simulated-aws.ts";
import type { SimulatedCluster } from "../../test/support/simulated-cluster.ts";
import { nodeObject } from "../../test/support/simulated-node.ts";
import { type Timed, TimedStack } from "./stack.ts";

/** Numbers of detectors in one stack. */
export const DETECTORS = [1, 5, 10, 20] as const;

/** What is told of a run while it goes on. */
type Report = (line: string) => void;

/** Creates the dev stack on a cluster, and runs it again and again with nothing changed. */
export async function measureUnchanged(
  folder: string,
  cluster: SimulatedCluster,
  options: PlanOptions,
  rounds: number,
  report: Report,
): Promise<Timed[]> {
  const charts = join(folder, "charts");
  await writeCharts(charts);
  const { kubeconfig } = cluster;
  const placeholders = { ...options.placeholders, "yolo:charts": { from: "directory", path: charts } };
  const stack = await TimedStack.make(join(folder, "dev"), { ...options, placeholders, kubeconfig });
  const account = new Account(stack.account);
  await using _aws = new SimulatedAws(cluster, () => account.read().list, await gpuSharings(options));
  report("Creating dev ...");
  await stack.up();
  const runs: Timed[] = [];
  for (let round = 1; round <= rounds; round++) {
    report(`Dev with nothing changed, round ${round} of ${rounds} ...`);
    runs.push(await stack.up("--expect-no-changes"));
  }
  report("Removing dev ...");
  await stack.destroy();
  return runs;
}

/** Ways of sharing GPUs in a stack's configuration: the simulated device plugin must know them. */
async function gpuSharings({ directory, stack }: PlanOptions): Promise<GpuSharing[]> {
  const { config } = parse(await readFile(join(directory, `Pulumi.${stack}.yaml`), "utf8")) as {
    config: { "yolo:nodes": { gpu: Record<string, { sharing?: GpuSharing }> } };
  };
  return Object.values(config["yolo:nodes"].gpu).map(({ sharing }) => sharing ?? { mode: "none" });
}

/** Ways of running a stack of many detectors. */
export const GROWING_RUNS = ["preview", "up", "up without checkpoints"] as const;

/** A stack of so many detectors. */
export interface Growth {
  detectors: number;
  runs: Record<(typeof GROWING_RUNS)[number], Timed[]>;
}

/** Previews and creates stacks of more and more detectors, each from nothing. */
export async function measureGrowth(
  folder: string,
  cluster: SimulatedCluster,
  { toolchain, signal }: Pick<PlanOptions, "toolchain" | "signal">,
  rounds: { preview: number; up: number },
  report: Report,
): Promise<Growth[]> {
  const project = join(folder, "detectors");
  await mkdir(project);
  await symlink(join(ROOT, "node_modules"), join(project, "node_modules"));
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module", main: "index.ts" }));
  const runtime = { name: "nodejs", options: { typescript: false } };
  await writeFile(join(project, "Pulumi.yaml"), stringify({ name: "detectors", runtime }));
  await writeFile(join(project, "Pulumi.dev.yaml"), stringify({ config: {} }));
  const options = { toolchain, signal, directory: project, stack: "dev" };
  const stack = await TimedStack.make(join(folder, "detectors-stack"), options);
  await cluster.apply(
    nodeObject({ name: "bench", instanceType: "m7i.4xlarge", zone: "us-west-2a", labels: {}, taints: [], gpus: 0 }),
  );
  const growth: Growth[] = DETECTORS.map((detectors) => ({
    detectors,
    runs: { preview: [], up: [], "up without checkpoints": [] },
  }));
  for (let round = 1; round <= Math.max(rounds.preview, rounds.up); round++) {
    for (const { detectors, runs } of growth) {
      await writeFile(join(project, "index.ts"), detectorsProgram(detectors, cluster.kubeconfig));
      report(`${detectors} detectors in one stack, round ${round} ...`);
      if (round <= rounds.preview) runs.preview.push(await stack.preview());
      if (round > rounds.up) continue;
      runs.up.push(await stack.up());
      await stack.destroy();
      runs["up without checkpoints"].push(await stack.upWithoutCheckpoints());
      await stack.destroy();
    }
  }
  return growth;
}

function detectorsProgram(count: number, kubeconfig: string): string {
  const from = (path: string) => JSON.stringify(join(ROOT, path));
  return `
    import * as k8s from "@pulumi/kubernetes";
    import { Detector } from ${from("infra/detector/detector.ts")};
    import { detectorSchema } from ${from("stacks/config/detector.ts")};
    const provider = new k8s.Provider("cluster", { kubeconfig: ${JSON.stringify(kubeconfig)}, enableSecretMutable: true });
    const image = "registry.invalid/detector@sha256:${"0".repeat(64)}";
    const model = { name: "model", sha256: "${"0".repeat(64)}", uri: "https://models.invalid/model.onnx" };
    for (let n = 0; n < ${count}; n++) {
      const settings = detectorSchema.parse({
        namespace: \`detector-\${n}\`,
        replicas: { min: 1, max: 2 },
        resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "2Gi" } },
        autoscaling: { cpuPercent: 300, memoryPercent: 200 },
        serving: { threads: 1 },
      });
      new Detector(\`detector-\${n}\`, { ...settings, image, model, modelVolume: { type: "pod", sizeGib: 1 } }, { provider });
    }
  `;
}

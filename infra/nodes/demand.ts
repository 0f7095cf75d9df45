import type { Rollout } from "../detector/args.ts";
import { podsPerGpu } from "../gpu/sharing.ts";
import { type Problem, problem } from "../problems.ts";
import type { GpuGroupSettings } from "./args.ts";
import { gpusPerNode } from "./autoscaling-tags.ts";

/** What pods of a service need of the nodes with GPUs. */
export interface GpuDemand {
  replicas: { min: number; max: number };
  rollout: Rollout;
  /** GPUs, or shares of one, that each pod asks for. */
  gpusPerPod: number;
}

/** How many pods that ask for `gpusPerPod` each fit a group at its largest. */
export function podCapacity(group: GpuGroupSettings, gpusPerPod: number): number {
  const perNode = gpusPerNode(group.instanceTypes) * podsPerGpu(group.sharing);
  return group.max * Math.floor(perNode / gpusPerPod);
}

/**
 * What of a service's pods does not fit the nodes with GPUs; paths are those of the whole configuration, `service` is the
 * section of the service. P5: a rollout without room for one more pod waits for ever.
 */
export function demandProblems(
  demand: GpuDemand,
  gpu: Readonly<Record<string, GpuGroupSettings>>,
  service = "detector",
): Problem[] {
  const groups = Object.entries(gpu);
  const { replicas, rollout, gpusPerPod } = demand;
  if (gpusPerPod === 0) return [];
  if (groups.length === 0) {
    return [problem(["nodes", "gpu"], `at least one group, for the GPUs that pods of ${service} ask for,`, {})];
  }
  const shared = groups.filter(([, { sharing }]) => sharing.mode !== "none");
  const problems: Problem[] = [];
  if (gpusPerPod > 1 && shared.length > 0) {
    const names = shared.map(([name, { sharing }]) => `nodes.gpu.${name}.sharing.mode is ${sharing.mode}`).join(", ");
    const expected = `1, because a share is one and a second one may be of the same GPU (${names}),`;
    problems.push(problem([service, "resources", "gpus"], expected, gpusPerPod));
  }
  const largest = Math.max(
    ...groups.map(([, { instanceTypes, sharing }]) => gpusPerNode(instanceTypes) * podsPerGpu(sharing)),
  );
  if (gpusPerPod > largest) {
    const expected = `at most ${largest}, which is what one node has,`;
    return [...problems, problem([service, "resources", "gpus"], expected, gpusPerPod)];
  }
  const capacity = groups.reduce((sum, [, group]) => sum + podCapacity(group, gpusPerPod), 0);
  const surge = rollout.mode === "availability" ? rollout.maxSurge : 0;
  const needed = replicas.max + surge;
  if (capacity >= needed) return problems;
  const [[name, group]] = groups as [[string, GpuGroupSettings], ...typeof groups];
  const perNode = podCapacity({ ...group, max: 1 }, gpusPerPod);
  const expected =
    `room for ${needed} pods (${service}.replicas.max${surge > 0 ? ` + ${service}.rollout.maxSurge` : ""}), not ${capacity}` +
    `${perNode > 0 ? `: at least ${group.max + Math.ceil((needed - capacity) / perNode)}` : ""}, or a smaller ${service}.replicas.max` +
    `${surge > 0 && capacity >= replicas.max ? `, or ${service}.rollout.mode: resourceAware` : ""},`;
  return [...problems, problem(["nodes", "gpu", name, "max"], expected, group.max)];
}

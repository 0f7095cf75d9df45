import type { Rollout } from "../detector/args.ts";
import type { Problem } from "../detector/checks.ts";
import { type GpuSharing, podsPerGpu } from "../gpu/sharing.ts";
import { AMI_TYPES, amiRelease, hasBuiltInDevicePlugin, isAmiType, releasePattern } from "./ami.ts";
import type { GpuGroupSettings, NodeGroupSettings, NodesSettings } from "./args.ts";
import { gpusPerNode } from "./autoscaling-tags.ts";
import { GPUS, gpuMemoryGib, INSTANCE_TYPES, isInstanceType, type InstanceType } from "./instance-types.ts";

/**
 * Longest name of an entry: a node group has at most 63 characters, of which Pulumi takes 8 to make the name unique.
 * Source: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html
 */
const NAME_LENGTH = 63 - 8;

/** Smallest disk that the accelerated AMIs start with, in GiB; the others need 20. */
const NVIDIA_DISK_GIB = 30;

/** Nodes, each in a zone of its own, that Karpenter's chart insists on. Source: its values.yaml, topologySpreadConstraints */
const KARPENTER_NODES = 2;

/** Everything in all settings of nodes that cannot work together; paths are those below `nodes`. */
export function nodesProblems(nodes: NodesSettings, kubernetesVersion?: string): Problem[] {
  const groups: [string[], NodeGroupSettings & { sharing?: GpuSharing }][] = [
    [["system"], nodes.system],
    ...Object.entries(nodes.gpu).map(([name, group]): [string[], GpuGroupSettings] => [["gpu", name], group]),
  ];
  return [
    ...groups.flatMap(([path, group]) => below(path, nodeGroupProblems(group, kubernetesVersion))),
    ...Object.keys(nodes.gpu).flatMap((name) => nameProblems(["gpu", name], name)),
    ...("system" in nodes.gpu ? [problem(["gpu", "system"], "another name than that of the system group", "system")] : []),
    ...(nodes.autoscaler === "karpenter" && nodes.system.min < KARPENTER_NODES
      ? [
          problem(
            ["system", "min"],
            `at least ${KARPENTER_NODES}, because Karpenter's two pods never share a node,`,
            nodes.system.min,
          ),
        ]
      : []),
  ];
}

/** What of the nodes does not fit the network; `zones` is the number of zones that have a subnet. */
export function nodeZoneProblems({ autoscaler }: NodesSettings, zones: number): Problem[] {
  if (autoscaler !== "karpenter" || zones >= KARPENTER_NODES) return [];
  const expected = `at least ${KARPENTER_NODES} zones, because Karpenter's two pods never share one,`;
  return [problem(["network", "zones"], expected, zones)];
}

/** What is wrong with the name of a group. */
export function nameProblems(path: string[], name: string): Problem[] {
  return name.length > NAME_LENGTH ? [problem(path, `a name of at most ${NAME_LENGTH} characters`, name)] : [];
}

/** Everything in the settings of one group that cannot work together. */
export function nodeGroupProblems(
  group: NodeGroupSettings & { sharing?: GpuSharing | undefined },
  kubernetesVersion?: string,
): Problem[] {
  const problems: Problem[] = [];
  const unknown = group.instanceTypes.filter((type) => !isInstanceType(type));
  if (unknown.length > 0 || group.instanceTypes.length === 0) {
    problems.push(
      problem(["instanceTypes"], "instance types of infra/nodes/instance-types.ts, at least one,", group.instanceTypes),
    );
  }
  if (!isAmiType(group.ami)) problems.push(problem(["ami"], `one of ${Object.keys(AMI_TYPES).join(", ")}`, group.ami));
  if (problems.length > 0) return problems;
  return [
    ...typeProblems(group),
    ...amiProblems(group, kubernetesVersion),
    ...sizeProblems(group),
    ...sharingProblems(group),
  ];
}

function typeProblems({ instanceTypes, sharing }: NodeGroupSettings & { sharing?: GpuSharing | undefined }): Problem[] {
  const problems: Problem[] = [];
  const report = (expected: string) => problems.push(problem(["instanceTypes"], expected, instanceTypes));
  const values = (of: (type: InstanceType) => unknown) => new Set(instanceTypes.map((name) => of(INSTANCE_TYPES[name])));
  if (new Set(instanceTypes).size < instanceTypes.length) report("each type once");
  if (values(({ architecture }) => architecture).size > 1) report("types of one architecture");
  if (values(({ gpus }) => gpus).size > 1) {
    report("types with equally many GPUs, because the autoscaler knows one number of them for the group,");
  }
  if (values(gpuMemoryGib).size > 1) report("types whose GPUs have equally much memory");
  const gpus = gpusPerNode(instanceTypes);
  if (sharing !== undefined && gpus === 0) report("types with a GPU");
  if (sharing === undefined && gpus > 0) report("types without a GPU, which belong into a group of nodes.gpu,");
  return problems;
}

function amiProblems(
  { ami, instanceTypes, releaseVersion, sharing }: NodeGroupSettings & { sharing?: GpuSharing | undefined },
  kubernetesVersion: string | undefined,
): Problem[] {
  const problems: Problem[] = [];
  const { architecture, nvidia } = AMI_TYPES[ami];
  const [type] = instanceTypes;
  if (type !== undefined && architecture !== INSTANCE_TYPES[type].architecture) {
    problems.push(problem(["ami"], `an AMI for ${INSTANCE_TYPES[type].architecture}, as ${type} needs it,`, ami));
  }
  if (sharing !== undefined && !nvidia) problems.push(problem(["ami"], "an AMI with NVIDIA's driver (..._NVIDIA)", ami));
  if (sharing === undefined && nvidia) problems.push(problem(["ami"], "an AMI without NVIDIA's driver", ami));
  if (kubernetesVersion === undefined) return problems;
  const release = amiRelease(ami, kubernetesVersion, releaseVersion);
  const { what, regex } = releasePattern(ami, kubernetesVersion);
  if (release === undefined || !regex.test(release)) problems.push(problem(["releaseVersion"], what, releaseVersion));
  return problems;
}

function sizeProblems({ ami, min, max, desired, diskGib }: NodeGroupSettings): Problem[] {
  const problems: Problem[] = [];
  if (min > max) problems.push(problem(["min"], `at most max (${max})`, min));
  if (desired !== undefined && (desired < min || desired > max)) {
    problems.push(problem(["desired"], `from min (${min}) to max (${max})`, desired));
  }
  if (AMI_TYPES[ami].nvidia && diskGib < NVIDIA_DISK_GIB) {
    problems.push(problem(["diskGib"], `at least ${NVIDIA_DISK_GIB}, which the AMI with the driver needs,`, diskGib));
  }
  return problems;
}

function sharingProblems(group: NodeGroupSettings & { sharing?: GpuSharing | undefined }): Problem[] {
  const { ami, instanceTypes, sharing } = group;
  if (sharing === undefined || sharing.mode === "none") return [];
  if (hasBuiltInDevicePlugin(ami)) {
    const expected = "none with Bottlerocket, whose own device plugin only user data could tell to share,";
    return [problem(["sharing", "mode"], expected, sharing.mode)];
  }
  if (sharing.mode !== "mig") return [];
  return instanceTypes.flatMap((name) => {
    const { gpu } = INSTANCE_TYPES[name];
    const instances: Readonly<Record<string, number>> = gpu === undefined ? {} : GPUS[gpu].migInstances;
    const profiles = Object.keys(instances);
    if (profiles.length === 0) {
      const able = Object.entries(GPUS).filter(([, facts]) => Object.keys(facts.migInstances).length > 0);
      const expected = `timeSlicing, mps or none for the ${gpu} of ${name}: only ${able.map(([model]) => model).join(" and ")} have MIG,`;
      return [problem(["sharing", "mode"], expected, "mig")];
    }
    const most = Object.hasOwn(instances, sharing.profile) ? instances[sharing.profile] : undefined;
    if (most === undefined) {
      return [problem(["sharing", "profile"], `one of ${profiles.join(", ")} for the ${gpu} of ${name}`, sharing.profile)];
    }
    return sharing.instances > most
      ? [problem(["sharing", "instances"], `at most ${most} of ${sharing.profile}`, sharing.instances)]
      : [];
  });
}

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
  const largest = Math.max(...groups.map(([, { instanceTypes, sharing }]) => gpusPerNode(instanceTypes) * podsPerGpu(sharing)));
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

function below(path: string[], problems: Problem[]): Problem[] {
  return problems.map((each) => ({ ...each, path: [...path, ...each.path] }));
}

function problem(path: string[], expected: string, received: unknown): Problem {
  return { path, expected, received };
}

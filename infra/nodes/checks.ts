import { type GpuSharing, sharingLabels } from "../gpu/sharing.ts";
import { type Problem, problem, problemsBelow } from "../problems.ts";
import { AMI_TYPES, amiRelease, isAmiType, releasePattern } from "./ami.ts";
import type { GpuGroupSettings, NodeGroupSettings, NodesSettings } from "./args.ts";
import { gpusPerNode } from "./autoscaling-tags.ts";
import { gpuMemoryGib, INSTANCE_TYPES, type InstanceType, isInstanceType } from "./instance-types.ts";
import { ACCELERATOR_LABEL, DEVICE_PLUGIN_LABEL, GPU_PRESENT_LABEL, POOL_LABEL } from "./labels.ts";
import { sharingProblems } from "./sharing-checks.ts";

/**
 * Longest name of an entry: a node group has at most 63 characters, of which Pulumi takes 8 to make the name unique.
 * Source: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html
 */
const NAME_LENGTH = 63 - 8;

/** Smallest disk of a node with GPUs in GiB: one image with CUDA's libraries beside the driver of the AMI, and the same again while it is replaced. */
const GPU_DISK_GIB = 30;

/** Longest label key: the tag that tells the autoscaler of it has a prefix of 46 characters, and 128 in all. */
const LABEL_KEY_LENGTH = 128 - 46;

/** Labels that the program sets itself. */
const OWN_LABELS: readonly string[] = [
  ACCELERATOR_LABEL,
  DEVICE_PLUGIN_LABEL,
  GPU_PRESENT_LABEL,
  POOL_LABEL,
  ...Object.keys(sharingLabels({ mode: "mps", replicas: 2 })),
];

/** Nodes, each in a zone of its own, that Karpenter's chart insists on. Source: its values.yaml, topologySpreadConstraints */
const KARPENTER_NODES = 2;

/** Everything in all settings of nodes that cannot work together; paths are those below `nodes`. */
export function nodesProblems(nodes: NodesSettings, kubernetesVersion?: string): Problem[] {
  const groups: [string[], NodeGroupSettings & { sharing?: GpuSharing }][] = [
    [["system"], nodes.system],
    ...Object.entries(nodes.gpu).map(([name, group]): [string[], GpuGroupSettings] => [["gpu", name], group]),
  ];
  return [
    ...groups.flatMap(([path, group]) => problemsBelow(path, nodeGroupProblems(group, kubernetesVersion))),
    ...Object.keys(nodes.gpu).flatMap((name) => nameProblems(["gpu", name], name)),
    ...("system" in nodes.gpu
      ? [problem(["gpu", "system"], "another name than that of the system group", "system")]
      : []),
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
    ...labelProblems(group),
    ...(group.sharing === undefined ? [] : sharingProblems({ ...group, sharing: group.sharing }, kubernetesVersion)),
  ];
}

function typeProblems({ instanceTypes, sharing }: NodeGroupSettings & { sharing?: GpuSharing | undefined }): Problem[] {
  const problems: Problem[] = [];
  const report = (expected: string) => problems.push(problem(["instanceTypes"], expected, instanceTypes));
  const values = (of: (type: InstanceType) => unknown) =>
    new Set(instanceTypes.map((name) => of(INSTANCE_TYPES[name])));
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
  if (sharing !== undefined && !nvidia)
    problems.push(problem(["ami"], "an AMI with NVIDIA's driver (..._NVIDIA)", ami));
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
  if (AMI_TYPES[ami].nvidia && diskGib < GPU_DISK_GIB) {
    const expected = `at least ${GPU_DISK_GIB}, for the driver and images with CUDA's libraries,`;
    problems.push(problem(["diskGib"], expected, diskGib));
  }
  return problems;
}

function labelProblems({ labels }: NodeGroupSettings): Problem[] {
  return Object.entries(labels).flatMap(([key, value]) => {
    if (OWN_LABELS.includes(key))
      return [problem(["labels", key], "no such label, which the program sets itself,", value)];
    if (key.length <= LABEL_KEY_LENGTH) return [];
    return [problem(["labels", key], `a key of at most ${LABEL_KEY_LENGTH} characters`, key)];
  });
}

import { devicePluginValues } from "../../infra/gpu/device-plugin.ts";
import type { GpuSharing } from "../../infra/gpu/sharing.ts";
import { INSTANCE_TYPES, type InstanceTypeName } from "../../infra/nodes/instance-types.ts";

/** Annotation of the nodes that kwok simulates. */
export const SIMULATED = { key: "kwok.x-k8s.io/node", value: "fake" } as const;

/** Taint as EKS spells it. */
export interface EksTaint {
  key: string;
  value?: string;
  effect: string;
}

/** A node as a node group of EKS makes it. */
export interface SimulatedNode {
  name: string;
  instanceType: InstanceTypeName;
  zone: string;
  labels: Readonly<Record<string, string>>;
  taints: readonly EksTaint[];
  /** What NVIDIA's device plugin reports. */
  gpus: number;
}

/** Pods of a node; a network interface's addresses allow about as many: https://github.com/aws/amazon-vpc-cni-k8s/blob/master/misc/eni-max-pods.txt */
const PODS = 58;

/** The Kubernetes object of a node, with the labels that EKS and the kubelet add, and what they leave to pods. */
export function nodeObject({ name, instanceType, zone, labels, taints, gpus }: SimulatedNode): object {
  const { architecture, vcpus, memoryGib } = INSTANCE_TYPES[instanceType];
  const arch = architecture === "x86_64" ? "amd64" : "arm64";
  const resources = {
    cpu: `${vcpus * 1000 - 100}m`,
    // The hypervisor and the kernel take some; the kubelet reserves 255 Mi and 11 for each pod, and 100 until it evicts:
    // https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/kubelet/config.go
    memory: `${Math.floor(memoryGib * 1024 * 0.94) - 355 - 11 * PODS}Mi`,
    pods: String(PODS),
    "ephemeral-storage": "30Gi",
    ...(gpus > 0 && { "nvidia.com/gpu": String(gpus) }),
  };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      annotations: { [SIMULATED.key]: SIMULATED.value },
      labels: {
        ...labels,
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": arch,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": instanceType,
        "topology.kubernetes.io/zone": zone,
        "topology.kubernetes.io/region": zone.slice(0, -1),
      },
    },
    spec: { taints: taints.map((taint) => ({ ...taint, effect: kubernetesEffect(taint.effect) })) },
    status: { allocatable: resources, capacity: resources },
  };
}

/** `NoSchedule` for `NO_SCHEDULE`. */
function kubernetesEffect(effect: string): string {
  return effect.replaceAll(/_?([A-Z])([A-Z]*)/g, (_, first: string, rest: string) => first + rest.toLowerCase());
}

/** As much of the device plugin's configuration as decides how many GPUs it reports. */
interface PluginConfig {
  flags: { migStrategy: string };
  sharing?: Partial<Record<"timeSlicing" | "mps", { resources: { replicas: number }[] }>>;
}

/**
 * GPUs that NVIDIA's device plugin reports on a node, by the node's labels and the values that the program gives to the
 * plugin's chart: none where the plugin's affinity keeps it away. `migInstances` are those that the machine made of each GPU.
 */
export function reportedGpus(
  labels: Readonly<Record<string, string>>,
  instanceType: InstanceTypeName,
  sharings: readonly GpuSharing[],
  migInstances = 1,
): number {
  const { affinity, config } = devicePluginValues(sharings);
  const terms = affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
  const matches = terms.some(({ matchExpressions }) =>
    matchExpressions.every(({ key, operator, values }) => {
      const listed = labels[key] !== undefined && values.includes(labels[key]);
      return operator === "In" ? listed : !listed;
    }),
  );
  if (!matches) return 0;
  // The label is NVIDIA's own: https://github.com/NVIDIA/k8s-device-plugin#multiple-config-file-example
  const text = config.map[labels["nvidia.com/device-plugin.config"] ?? config.default];
  // The plugin does not start with a configuration that is not there.
  if (text === undefined) return 0;
  const { flags, sharing = {} } = JSON.parse(text) as PluginConfig;
  const shared = sharing.timeSlicing ?? sharing.mps;
  const parts = flags.migStrategy === "single" ? migInstances : 1;
  return INSTANCE_TYPES[instanceType].gpus * parts * (shared?.resources[0]?.replicas ?? 1);
}

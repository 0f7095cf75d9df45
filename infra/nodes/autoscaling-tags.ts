import { type GpuSharing, podsPerGpu } from "../gpu/sharing.ts";
import { INSTANCE_TYPES, type InstanceTypeName } from "./instance-types.ts";
import { GPU_NODE_TAINT, GPU_RESOURCE } from "./labels.ts";

/** Prefix of every tag that Cluster Autoscaler reads. */
const PREFIX = "k8s.io/cluster-autoscaler";

/** Tags by which Cluster Autoscaler finds the groups that it may scale. */
export function discoveryTags(clusterName: string): Record<string, string> {
  return { [`${PREFIX}/enabled`]: "true", [`${PREFIX}/${clusterName}`]: "owned" };
}

/** What the autoscaler cannot see while a group has no node. */
export interface NodeTemplate {
  labels: Readonly<Record<string, string>>;
  diskGib: number;
  /** Devices that a node offers; missing for a group without GPUs. */
  gpu?: { instanceTypes: readonly InstanceTypeName[]; sharing: GpuSharing } | undefined;
}

/**
 * Tags that describe the nodes of a group that has none, so that it can grow from zero.
 * Source: https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
 */
export function nodeTemplateTags({ labels, diskGib, gpu }: NodeTemplate): Record<string, string> {
  const template = `${PREFIX}/node-template`;
  return {
    ...Object.fromEntries(Object.entries(labels).map(([key, value]) => [`${template}/label/${key}`, value])),
    [`${template}/resources/ephemeral-storage`]: `${diskGib}Gi`,
    ...(gpu !== undefined && {
      [`${template}/taint/${GPU_NODE_TAINT.key}`]: `${GPU_NODE_TAINT.value}:${GPU_NODE_TAINT.effect}`,
      // P6: counted in shares, or the autoscaler would add a node for each share of one GPU.
      [`${template}/resources/${GPU_RESOURCE}`]: String(gpusPerNode(gpu.instanceTypes) * podsPerGpu(gpu.sharing)),
    }),
  };
}

/** GPUs of one node; types of a group have equally many (see checks.ts), so the least of them is the number of each. */
export function gpusPerNode(instanceTypes: readonly InstanceTypeName[]): number {
  return Math.min(...instanceTypes.map((name) => INSTANCE_TYPES[name].gpus));
}

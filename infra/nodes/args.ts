import type { GpuSharing } from "../gpu/sharing.ts";
import type { AmiType } from "./ami.ts";
import type { InstanceTypeName } from "./instance-types.ts";

/** How a group of nodes is made, and how many there are. Defaults are those of the stack's configuration (stacks/config/nodes.ts). */
export interface NodeGroupSettings {
  /** Types that EKS may choose from: of one architecture, and with the same GPUs. */
  instanceTypes: InstanceTypeName[];
  ami: AmiType;
  capacity: "spot" | "onDemand";
  /** Bounds of the number of nodes. */
  min: number;
  max: number;
  /** Number of nodes, kept by each `pulumi up`; without it the group starts with `min`, and the autoscaler owns the number. */
  desired?: number | undefined;
  /** Size of the disk that holds images and logs, in GiB. */
  diskGib: number;
  /** Nodes that an update replaces at a time. */
  maxUnavailable: number;
  /** Release of the AMI; the one pinned in infra/versions.ts when left out. */
  releaseVersion?: string | undefined;
  /** Labels of the nodes besides the program's own. */
  labels: Record<string, string>;
}

/** A group of nodes with GPUs. */
export interface GpuGroupSettings extends NodeGroupSettings {
  /** How each GPU is divided between pods. */
  sharing: GpuSharing;
}

/** What makes and removes nodes. */
export type Autoscaler = "clusterAutoscaler" | "karpenter";

/** All nodes of a cluster. */
export interface NodesSettings {
  autoscaler: Autoscaler;
  /** Nodes for what the cluster itself runs. */
  system: NodeGroupSettings;
  /** Nodes with GPUs, by name. */
  gpu: Record<string, GpuGroupSettings>;
}

import type { ChartSource } from "../charts.ts";
import type { Toleration } from "../detector/args.ts";

/** How the Cluster Autoscaler works. Defaults are those of the stack's configuration (stacks/config/scaling.ts). */
export interface ClusterAutoscalerSettings {
  /** Pods of which one works and the others wait to take over. */
  replicas: number;
  /** Which node group grows where several could: the one with the least left over, the one that takes most pods, or any. */
  expander: "leastWaste" | "mostPods" | "random";
  /** Minutes until a node that does not come up is given up and another group is tried. */
  provisionMinutes: number;
  scaleDown: {
    /** Minutes that a node must be hardly used before it goes. */
    unneededMinutes: number;
    /** Minutes after a node was added in which none goes. */
    delayAfterAddMinutes: number;
    /** Requested share of a node, of its GPUs where it has some, below which it counts as hardly used. */
    utilizationPercent: number;
  };
}

/** How Karpenter works. Defaults are those of the stack's configuration (stacks/config/scaling.ts). */
export interface KarpenterSettings {
  /** Pods of which one works and the others wait to take over, each on a system node of its own. */
  replicas: number;
  consolidation: {
    /** Whether nodes also go when their pods fit elsewhere or on a cheaper node, or only when they are empty. */
    when: "empty" | "emptyOrUnderutilized";
    /** Minutes without a change of pods before a node is looked at. */
    afterMinutes: number;
  };
  /** Hours after which a node is replaced by a new one. */
  expireHours: number;
  /** Minutes that a node may take to drain before its pods are ended. */
  terminationGraceMinutes: number;
  /** Nodes of a pool that may be replaced or removed at the same time. */
  maxUnavailable: number;
  /** Whether nodes are replaced on which the node monitoring agent finds broken hardware. */
  nodeRepair: boolean;
}

/** How KEDA works. Defaults are those of the stack's configuration (stacks/config/scaling.ts). */
export interface KedaSettings {
  /** Pods of each of its three parts. */
  replicas: number;
}

/** The scaling section of a stack's configuration. */
export interface ScalingSettings {
  clusterAutoscaler: ClusterAutoscalerSettings;
  karpenter: KarpenterSettings;
  keda: KedaSettings & { enabled: boolean };
}

/** Nodes for the pods that run the cluster itself. */
export interface Placement {
  nodeSelector: Readonly<Record<string, string>>;
  tolerations: readonly Toleration[];
}

/** What all charts of this folder need to know. */
export interface ControllerArgs {
  clusterName: string;
  /** Nodes that the controllers run on, which must not be those that they add and remove. */
  placement: Placement;
  charts: ChartSource;
  /** Whether Prometheus reads their metrics by ServiceMonitors, whose definition must exist already. */
  serviceMonitors: boolean;
}

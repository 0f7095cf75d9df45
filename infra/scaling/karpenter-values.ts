import type * as pulumi from "@pulumi/pulumi";
import type { ControllerArgs, KarpenterSettings } from "./args.ts";
import { resources, SYSTEM_PRIORITY } from "./system-pods.ts";

/** Name of the service account. */
export const KARPENTER = "karpenter";

/** What the values depend on. */
export interface KarpenterValuesArgs extends Omit<ControllerArgs, "charts"> {
  settings: KarpenterSettings;
  queueName: pulumi.Input<string>;
  /** Whether some pool shares GPUs, which Karpenter must be told of by NodeOverlays. */
  sharesGpus: boolean;
}

/**
 * Values of the karpenter chart. Its own defaults give each pod a node and, as far as possible, a zone of its own, keep it off
 * nodes that Karpenter made, let one pod go at a time, and give the container a read-only root and no capabilities.
 */
export function karpenterValues(args: KarpenterValuesArgs) {
  const { clusterName, placement, settings, queueName, sharesGpus, serviceMonitors } = args;
  return {
    replicas: settings.replicas,
    serviceAccount: { name: KARPENTER },
    priorityClassName: SYSTEM_PRIORITY,
    // What Karpenter's guide requests. Its memory limit is also what tells it how much it may use.
    controller: { resources: resources("1", "1Gi") },
    nodeSelector: { "kubernetes.io/os": "linux", ...placement.nodeSelector },
    tolerations: [...placement.tolerations],
    serviceMonitor: { enabled: serviceMonitors },
    settings: {
      clusterName,
      // The version and the address of the API server come from EKS.
      eksControlPlane: true,
      interruptionQueue: queueName,
      featureGates: { nodeRepair: settings.nodeRepair, nodeOverlay: sharesGpus },
    },
  };
}

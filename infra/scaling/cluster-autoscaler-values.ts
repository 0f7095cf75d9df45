import type { KubernetesMinor } from "../cluster/addon-versions.ts";
import type { ClusterAutoscalerSettings, ControllerArgs } from "./args.ts";
import {
  CONTAINER_SECURITY,
  DISRUPTION_BUDGET,
  POD_SECURITY,
  resources,
  SYSTEM_NAMESPACE,
  SYSTEM_PRIORITY,
  spread,
} from "./system-pods.ts";

/** Name of the service account, and of everything that the chart makes. */
export const CLUSTER_AUTOSCALER = "cluster-autoscaler";

/**
 * Images by minor version of the cluster: the autoscaler holds the scheduler of that version within itself.
 * Sources: https://github.com/kubernetes/autoscaler/releases,
 * https://github.com/kubernetes/autoscaler/tree/master/cluster-autoscaler#releases
 */
const IMAGE_TAGS: Readonly<Record<KubernetesMinor, string>> = {
  "1.34": "v1.34.4",
  "1.35": "v1.35.2",
  "1.36": "v1.36.1",
};

/**
 * What the autoscaler watches since 1.34 and 1.35, whether or not anything uses it, and without which it stands still; the
 * chart's own role may lack it. Sources: https://github.com/kubernetes/autoscaler/issues/8678,
 * https://github.com/kubernetes/autoscaler/issues/9244
 */
const ADDITIONAL_RULES = [
  { group: "resource.k8s.io", resources: ["deviceclasses", "resourceclaims", "resourceslices"] },
  { group: "storage.k8s.io", resources: ["volumeattachments"] },
].map(({ group, resources: names }) => ({ apiGroups: [group], resources: names, verbs: ["get", "list", "watch"] }));

/** The flag of the program for each choice. */
const EXPANDERS: Record<ClusterAutoscalerSettings["expander"], string> = {
  leastWaste: "least-waste",
  mostPods: "most-pods",
  random: "random",
};

/** What the values depend on. */
export interface ClusterAutoscalerValuesArgs extends Omit<ControllerArgs, "charts"> {
  /** Name of the chart's release, which the chart labels its pods with. */
  release: string;
  region: string;
  kubernetesVersion: KubernetesMinor;
  settings: ClusterAutoscalerSettings;
}

/** Values of the cluster-autoscaler chart. */
export function clusterAutoscalerValues(args: ClusterAutoscalerValuesArgs) {
  const { placement, settings, region, clusterName, release } = args;
  const podLabels = { "app.kubernetes.io/instance": release, "app.kubernetes.io/name": `aws-${CLUSTER_AUTOSCALER}` };
  return {
    fullnameOverride: CLUSTER_AUTOSCALER,
    cloudProvider: "aws",
    // Pods cannot ask the instance for its region: its metadata is one hop away.
    awsRegion: region,
    autoDiscovery: { clusterName },
    image: { tag: IMAGE_TAGS[args.kubernetesVersion] },
    replicaCount: settings.replicas,
    extraArgs: extraArgs(settings),
    rbac: { serviceAccount: { name: CLUSTER_AUTOSCALER }, additionalRules: ADDITIONAL_RULES },
    resources: resources("100m", "300Mi", "600Mi"),
    podDisruptionBudget: DISRUPTION_BUDGET,
    priorityClassName: SYSTEM_PRIORITY,
    securityContext: POD_SECURITY,
    containerSecurityContext: CONTAINER_SECURITY,
    nodeSelector: { ...placement.nodeSelector },
    tolerations: [...placement.tolerations],
    topologySpreadConstraints: spread(podLabels),
    serviceMonitor: { enabled: args.serviceMonitors, namespace: SYSTEM_NAMESPACE, interval: "30s" },
  };
}

/** Flags: https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md#what-are-the-parameters-to-ca */
function extraArgs({ expander, provisionMinutes, scaleDown }: ClusterAutoscalerSettings) {
  const utilization = scaleDown.utilizationPercent / 100;
  return {
    expander: EXPANDERS[expander],
    // Groups that differ in their zone only grow alike, so that a zone that fails takes no more than its share.
    "balance-similar-node-groups": true,
    // A pod with an emptyDir, as the detector's and most others have, would keep its node for ever.
    "skip-nodes-with-local-storage": false,
    "max-node-provision-time": `${provisionMinutes}m`,
    "scale-down-unneeded-time": `${scaleDown.unneededMinutes}m`,
    "scale-down-delay-after-add": `${scaleDown.delayAfterAddMinutes}m`,
    "scale-down-utilization-threshold": utilization,
    "scale-down-gpu-utilization-threshold": utilization,
  };
}

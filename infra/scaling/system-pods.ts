import type * as k8s from "@pulumi/kubernetes";

/** Namespace of the controllers that manage nodes. */
export const SYSTEM_NAMESPACE = "kube-system";

/** Priority of pods without which the cluster does not work: they push others off a full node. */
export const SYSTEM_PRIORITY = "system-cluster-critical";

/** Always lets one pod go, so that a node can be drained (P22). */
export const DISRUPTION_BUDGET = { maxUnavailable: 1 } as const;

/** User `nobody`, whose images expect no other. */
const NOBODY = 65_534;

/** What a pod without special needs is allowed. */
export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: NOBODY,
  runAsGroup: NOBODY,
  seccompProfile: { type: "RuntimeDefault" },
} as const satisfies k8s.types.input.core.v1.PodSecurityContext;

/** What a container without special needs is allowed. */
export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
} as const satisfies k8s.types.input.core.v1.SecurityContext;

/** Spreads pods over zones and nodes as far as there are some. */
export function spread(
  matchLabels: Readonly<Record<string, string>>,
): k8s.types.input.core.v1.TopologySpreadConstraint[] {
  return ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: { ...matchLabels } },
  }));
}

/** What a controller requests; a CPU limit would only make it late, memory beyond the limit ends it. */
export function resources(cpu: string, memory: string, memoryLimit: string = memory) {
  return { requests: { cpu, memory }, limits: { memory: memoryLimit } };
}

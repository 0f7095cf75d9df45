import type { ControllerArgs, KedaSettings } from "./args.ts";
import { DISRUPTION_BUDGET, resources, SYSTEM_PRIORITY, spread } from "./system-pods.ts";

/** What the values depend on. */
export interface KedaValuesArgs extends Omit<ControllerArgs, "charts"> {
  settings: KedaSettings;
}

/**
 * Values of the keda chart. Its own defaults give each container a read-only root, no capabilities, no privilege escalation
 * and the runtime's seccomp profile, and each pod a user that is not root.
 */
export function kedaValues({ clusterName, placement, settings, serviceMonitors }: KedaValuesArgs) {
  const part = {
    replicaCount: settings.replicas,
    nodeSelector: { ...placement.nodeSelector },
    tolerations: [...placement.tolerations],
  };
  const metrics = { enabled: true, serviceMonitor: { enabled: serviceMonitors, interval: "30s" } };
  return {
    clusterName,
    image: { pullPolicy: "IfNotPresent" },
    // Pods of a namespace with many Services would get hundreds of variables.
    enableServiceLinks: false,
    priorityClassName: SYSTEM_PRIORITY,
    operator: part,
    metricsServer: { ...part, enabled: true },
    webhooks: { ...part, enabled: true },
    topologySpreadConstraints: {
      operator: spread({ app: "keda-operator" }),
      metricsServer: spread({ app: "keda-operator-metrics-apiserver" }),
      webhooks: spread({ app: "keda-admission-webhooks" }),
    },
    resources: {
      operator: resources("100m", "150Mi", "600Mi"),
      metricServer: resources("100m", "100Mi", "400Mi"),
      webhooks: resources("50m", "50Mi", "200Mi"),
    },
    podDisruptionBudget: {
      operator: DISRUPTION_BUDGET,
      metricServer: DISRUPTION_BUDGET,
      webhooks: DISRUPTION_BUDGET,
    },
    prometheus: { operator: metrics, metricServer: metrics, webhooks: metrics },
    // Without these two it may read every Secret of the cluster, and scale objects of every kind.
    permissions: { operator: { restrict: { secret: true } }, metricServer: { restrict: { secret: true } } },
    rbac: { enabledCustomScaledRefKinds: false },
  };
}

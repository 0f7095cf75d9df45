import { STORAGE_CLASS } from "../cluster/storage-class.ts";
import type { Toleration } from "../detector/args.ts";
import { GPU_PRESENT_LABEL, POOL_LABEL } from "../nodes/labels.ts";
import { resources } from "../scaling/system-pods.ts";
import { alertmanagerConfig, RECEIVER_SECRET, secretNames } from "./alertmanager.ts";
import type { MonitoringPlan } from "./args.ts";
import { REPLACED_ALERTS } from "./cluster-rules.ts";
import { INSTANCE_TYPE_LABEL } from "./cost-rules.ts";

/** Namespace of Prometheus, Alertmanager and Grafana. */
export const MONITORING_NAMESPACE = "monitoring";

/** Namespace of the exporter of each node's figures, which reads the host and so can only run where anything may. */
export const EXPORTER_NAMESPACE = "node-exporter";

/** Name of Grafana's Service and ServiceAccount. */
export const GRAFANA_NAME = "grafana";

/** Secret with Grafana's administrator. */
export const GRAFANA_SECRET = "grafana-admin";

/** Keys of that Secret. */
export const GRAFANA_KEYS = { user: "admin-user", password: "admin-password" } as const;

/** Label of ConfigMaps that Grafana shows as dashboards. */
export const DASHBOARD_LABEL = { grafana_dashboard: "1" } as const;

/** Labels of the operator's pods of Prometheus. */
export const PROMETHEUS_PODS = { "app.kubernetes.io/name": "prometheus" } as const;

/** Port of Prometheus' API. */
export const PROMETHEUS_PORT = 9090;

/** Share of the volume that Prometheus fills before it drops what is oldest; the rest is for compaction, and the file system. */
const STORAGE_SHARE = 0.85;

/** Start of the names of the chart's own objects. */
const FULL_NAME = "kube-prometheus";

/** Address of Prometheus' API within the cluster. */
export const PROMETHEUS_URL = `http://${FULL_NAME}-prometheus.${MONITORING_NAMESPACE}.svc:${PROMETHEUS_PORT}`;

/** Nobody outside may see them: https://kubernetes.io/docs/concepts/architecture/control-plane-node-communication/ */
const HIDDEN_BY_EKS = { enabled: false } as const;

/** Values of the kube-prometheus-stack chart, for EKS. */
export function monitoringValues(plan: MonitoringPlan) {
  const { placement } = plan;
  const placed = { nodeSelector: { ...placement.nodeSelector }, tolerations: [...placement.tolerations] };
  return {
    fullnameOverride: FULL_NAME,
    // P17: another release owns them.
    crds: { enabled: false },
    defaultRules: { create: true, disabled: Object.fromEntries(REPLACED_ALERTS.map((name) => [name, true])) },
    // EKS runs them where no pod can reach them; the nodes' kube-proxy shows its metrics to its own node only.
    kubeControllerManager: HIDDEN_BY_EKS,
    kubeScheduler: HIDDEN_BY_EKS,
    kubeEtcd: HIDDEN_BY_EKS,
    kubeProxy: HIDDEN_BY_EKS,
    prometheusOperator: operatorValues(placed),
    prometheus: prometheusValues(plan, placed),
    alertmanager: alertmanagerValues(plan, placed),
    grafana: grafanaValues(placed),
    ...exporterValues(placed),
  };
}

/** Where pods run, as the chart takes it. */
interface Placed {
  nodeSelector: Record<string, string>;
  tolerations: Toleration[];
}

function operatorValues(placed: Placed) {
  return {
    ...placed,
    // Their certificate is made by a hook, which helm.v4.Chart does not run, and would be another one in each preview.
    // Tests parse every rule instead, and the operator rejects, with an alert, what it cannot read.
    admissionWebhooks: { enabled: false },
    // Without the webhooks there is no certificate, for which the pod would wait for ever.
    tls: { enabled: false },
    resources: resources("100m", "128Mi", "256Mi"),
    prometheusConfigReloader: { resources: resources("10m", "32Mi", "64Mi") },
  };
}

function prometheusValues({ clusterName, settings }: MonitoringPlan, placed: Placed) {
  const { retentionDays, storageGib, replicas, memory, scrapeSeconds } = settings;
  return {
    podDisruptionBudget: disruptionBudget(replicas),
    prometheusSpec: {
      ...placed,
      // P18: without these four it reads only what carries the chart's own labels, and says nothing about the rest.
      serviceMonitorSelectorNilUsesHelmValues: false,
      podMonitorSelectorNilUsesHelmValues: false,
      ruleSelectorNilUsesHelmValues: false,
      probeSelectorNilUsesHelmValues: false,
      replicas,
      scrapeInterval: `${scrapeSeconds}s`,
      evaluationInterval: `${scrapeSeconds}s`,
      externalLabels: { cluster: clusterName },
      retention: `${retentionDays}d`,
      retentionSize: `${Math.floor(storageGib * STORAGE_SHARE * 1024)}MiB`,
      resources: resources("250m", memory),
      storageSpec: { volumeClaimTemplate: { spec: claim(storageGib) } },
      // The claims stay when the operator makes its StatefulSet anew, as it does for another size, and go with the namespace.
    },
  };
}

function alertmanagerValues({ settings: { alertmanager } }: MonitoringPlan, placed: Placed) {
  return {
    podDisruptionBudget: disruptionBudget(alertmanager.replicas),
    config: alertmanagerConfig(alertmanager),
    alertmanagerSpec: {
      ...placed,
      replicas: alertmanager.replicas,
      secrets: secretNames(alertmanager).length > 0 ? [RECEIVER_SECRET] : [],
      resources: resources("20m", "64Mi", "128Mi"),
      storage: { volumeClaimTemplate: { spec: claim(alertmanager.storageGib) } },
    },
  };
}

function grafanaValues(placed: Placed) {
  return {
    ...placed,
    // Never adminPassword, which would stand in the values; without either the chart makes a new one in each preview.
    admin: { existingSecret: GRAFANA_SECRET, userKey: GRAFANA_KEYS.user, passwordKey: GRAFANA_KEYS.password },
    fullnameOverride: GRAFANA_NAME,
    serviceAccount: { name: GRAFANA_NAME },
    // Else it may read every Secret of the cluster; what it needs of other namespaces, the component allows.
    rbac: { namespaced: true },
    // Dashboards come from ConfigMaps, so that there is nothing to keep; a volume would tie it to one zone.
    persistence: { enabled: false },
    defaultDashboardsEditable: false,
    sidecar: {
      dashboards: {
        enabled: true,
        label: "grafana_dashboard" satisfies keyof typeof DASHBOARD_LABEL,
        labelValue: DASHBOARD_LABEL.grafana_dashboard,
        searchNamespace: "ALL",
        resource: "configmap",
      },
      datasources: { resource: "configmap" },
    },
    // A pod that `helm test` starts.
    testFramework: { enabled: false },
    resources: resources("100m", "256Mi", "512Mi"),
    "grafana.ini": {
      analytics: { check_for_updates: false, check_for_plugin_updates: false, reporting_enabled: false },
      users: { allow_sign_up: false },
    },
  };
}

function exporterValues(placed: Placed) {
  const labels = ["topology.kubernetes.io/zone", INSTANCE_TYPE_LABEL, POOL_LABEL, GPU_PRESENT_LABEL];
  return {
    "kube-state-metrics": {
      ...placed,
      resources: resources("20m", "128Mi", "256Mi"),
      // It shows no labels of objects but those that are asked for.
      metricLabelsAllowlist: [`nodes=[${labels.join(",")}]`],
    },
    nodeExporter: { operatingSystems: { aix: { enabled: false }, darwin: { enabled: false } } },
    "prometheus-node-exporter": {
      namespaceOverride: EXPORTER_NAMESPACE,
      priorityClassName: "system-node-critical",
      // On every node, whatever its taints.
      tolerations: [{ operator: "Exists" }],
      resources: resources("20m", "32Mi", "96Mi"),
    },
  };
}

/** Lets all but one pod go; with one pod only, a budget would keep its node from being drained for ever (P22). */
function disruptionBudget(replicas: number) {
  return { enabled: replicas > 1, minAvailable: 1 };
}

function claim(sizeGib: number) {
  return {
    storageClassName: STORAGE_CLASS,
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: `${sizeGib}Gi` } },
  };
}

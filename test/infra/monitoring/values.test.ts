import assert from "node:assert/strict";
import { monitoringValues } from "../../../infra/monitoring/values.ts";
import { unknownKeys } from "../../support/chart-values.ts";
import { MONITORING, SETTINGS } from "./fixture.ts";

const VALUES = monitoringValues(MONITORING);
const SINGLE = monitoringValues({
  ...MONITORING,
  settings: {
    ...SETTINGS,
    replicas: 1,
    alertmanager: {
      ...SETTINGS.alertmanager,
      replicas: 1,
      receivers: {},
      routes: { critical: [], warning: [], info: [] },
      heartbeat: undefined,
    },
  },
});

/** Keys of the charts that this one brings along; their own values.yaml has them. */
const DEPENDENCIES = [
  "grafana.nodeSelector",
  "grafana.tolerations",
  "grafana.fullnameOverride",
  "grafana.serviceAccount.name",
  "grafana.rbac.namespaced",
  "grafana.persistence",
  "grafana.sidecar.dashboards.resource",
  "grafana.sidecar.datasources.resource",
  "grafana.testFramework",
  "grafana.resources",
  "grafana.grafana.ini",
  "kube-state-metrics.nodeSelector",
  "kube-state-metrics.tolerations",
  "kube-state-metrics.resources",
  "kube-state-metrics.metricLabelsAllowlist",
  "prometheus-node-exporter.priorityClassName",
  "prometheus-node-exporter.tolerations",
  "prometheus-node-exporter.resources",
];

/** Every map in a value, with its path. */
function maps(value: unknown, path = ""): [string, Record<string, unknown>][] {
  if (Array.isArray(value)) return value.flatMap((each, index) => maps(each, `${path}[${index}]`));
  if (typeof value !== "object" || value === null) return [];
  const map = value as Record<string, unknown>;
  return [[path, map], ...Object.entries(map).flatMap(([key, each]) => maps(each, `${path}.${key}`))];
}

describe("Values of kube-prometheus-stack", () => {
  it("have keys that the chart reads only", function () {
    const unknown = unknownKeys(VALUES, "kube-prometheus-stack", { dependencies: DEPENDENCIES });
    if (unknown === undefined) this.skip();
    assert.deepEqual(unknown, []);
  });

  it("leave the definitions to their own release (P17)", () => {
    assert.deepEqual(VALUES.crds, { enabled: false });
  });

  it("read monitors and rules whoever made them (P18)", () => {
    const { prometheusSpec } = VALUES.prometheus;
    assert.equal(prometheusSpec.serviceMonitorSelectorNilUsesHelmValues, false);
    assert.equal(prometheusSpec.podMonitorSelectorNilUsesHelmValues, false);
    assert.equal(prometheusSpec.ruleSelectorNilUsesHelmValues, false);
    assert.equal(prometheusSpec.probeSelectorNilUsesHelmValues, false);
  });

  it("watch nothing that EKS hides", () => {
    const { kubeControllerManager, kubeScheduler, kubeEtcd, kubeProxy } = VALUES;
    for (const part of [kubeControllerManager, kubeScheduler, kubeEtcd, kubeProxy]) {
      assert.deepEqual(part, { enabled: false });
    }
  });

  it("need neither hooks nor certificates", () => {
    assert.deepEqual(VALUES.prometheusOperator.admissionWebhooks, { enabled: false });
    assert.deepEqual(VALUES.prometheusOperator.tls, { enabled: false });
    assert.deepEqual(VALUES.grafana.testFramework, { enabled: false });
  });

  it("keep metrics for the configured time on gp3, and drop the oldest before the volume is full", () => {
    const { prometheusSpec } = VALUES.prometheus;
    assert.equal(prometheusSpec.retention, "20d");
    assert.equal(prometheusSpec.retentionSize, "87040MiB");
    assert.deepEqual(prometheusSpec.storageSpec.volumeClaimTemplate.spec, {
      storageClassName: "gp3",
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "100Gi" } },
    });
    assert.deepEqual(VALUES.alertmanager.alertmanagerSpec.storage.volumeClaimTemplate.spec.resources, {
      requests: { storage: "4Gi" },
    });
  });

  it("never let a claim be deleted with its StatefulSet, which the operator makes anew for another size", () => {
    assert.doesNotMatch(JSON.stringify(VALUES), /persistentVolumeClaimRetentionPolicy/);
  });

  it("read and evaluate as often as configured, and name the cluster", () => {
    const { scrapeInterval, evaluationInterval, externalLabels, replicas, resources } =
      VALUES.prometheus.prometheusSpec;
    assert.deepEqual([scrapeInterval, evaluationInterval, replicas], ["15s", "15s", 2]);
    assert.deepEqual(externalLabels, { cluster: "yolo-test" });
    assert.deepEqual(resources, { requests: { cpu: "250m", memory: "3Gi" }, limits: { memory: "3Gi" } });
  });

  it("hold no password and no address of a receiver", () => {
    assert.doesNotMatch(JSON.stringify(VALUES), /adminPassword|correct horse|https:\/\/hooks/);
    assert.deepEqual(VALUES.grafana.admin, {
      existingSecret: "grafana-admin",
      userKey: "admin-user",
      passwordKey: "admin-password",
    });
    assert.deepEqual(VALUES.alertmanager.alertmanagerSpec.secrets, ["alertmanager-receivers"]);
    assert.deepEqual(SINGLE.alertmanager.alertmanagerSpec.secrets, []);
  });

  it("find dashboards by label in all namespaces, without a right to read Secrets there", () => {
    assert.deepEqual(VALUES.grafana.sidecar.dashboards, {
      enabled: true,
      label: "grafana_dashboard",
      labelValue: "1",
      searchNamespace: "ALL",
      resource: "configmap",
    });
    assert.deepEqual(VALUES.grafana.rbac, { namespaced: true });
  });

  it("report nothing to Grafana's makers", () => {
    assert.deepEqual(VALUES.grafana["grafana.ini"].analytics, {
      check_for_updates: false,
      check_for_plugin_updates: false,
      reporting_enabled: false,
    });
  });

  it("let a node be drained, however many pods there are (P22)", () => {
    assert.deepEqual(VALUES.prometheus.podDisruptionBudget, { enabled: true, minAvailable: 1 });
    assert.deepEqual(SINGLE.prometheus.podDisruptionBudget, { enabled: false, minAvailable: 1 });
    assert.deepEqual(SINGLE.alertmanager.podDisruptionBudget, { enabled: false, minAvailable: 1 });
  });

  it("place everything on the given nodes, and the exporter on all", () => {
    const placed = [
      VALUES.prometheusOperator,
      VALUES.prometheus.prometheusSpec,
      VALUES.alertmanager.alertmanagerSpec,
      VALUES.grafana,
      VALUES["kube-state-metrics"],
    ];
    for (const { nodeSelector, tolerations } of placed) {
      assert.deepEqual(nodeSelector, MONITORING.placement.nodeSelector);
      assert.deepEqual(tolerations, MONITORING.placement.tolerations);
    }
    const exporter = VALUES["prometheus-node-exporter"];
    assert.deepEqual(exporter.tolerations, [{ operator: "Exists" }]);
    assert.equal(exporter.namespaceOverride, "node-exporter");
    assert.ok(!("nodeSelector" in exporter));
  });

  it("show the labels of nodes that rules and dashboards ask for", () => {
    assert.deepEqual(VALUES["kube-state-metrics"].metricLabelsAllowlist, [
      "nodes=[topology.kubernetes.io/zone,node.kubernetes.io/instance-type,yolo/pool,nvidia.com/gpu.present]",
    ]);
  });

  it("limit the memory of every container", () => {
    const limits = maps(VALUES).filter(([path]) => /\.resources$/.test(path) && !path.includes("volumeClaimTemplate"));
    assert.equal(limits.length, 7);
    for (const [path, { requests, limits: limit }] of limits) {
      assert.ok(typeof requests === "object" && typeof limit === "object", path);
    }
  });

  it("turn off what our own alerts replace", () => {
    assert.deepEqual(VALUES.defaultRules.disabled, {
      KubeNodeNotReady: true,
      KubePersistentVolumeFillingUp: true,
      KubeletClientCertificateExpiration: true,
      KubeletServerCertificateExpiration: true,
    });
  });
});

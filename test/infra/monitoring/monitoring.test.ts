import assert from "node:assert/strict";
import { Monitoring } from "../../../infra/monitoring/monitoring.ts";
import { CHARTS } from "../../../infra/versions.ts";
import { find, outputValue, type Recording, type Registered } from "../../support/pulumi.ts";
import { build, MONITORING, SETTINGS } from "./fixture.ts";

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:Monitoring::monitoring";
const CHART = "kubernetes:helm.sh/v4:Chart";
const RELEASE = "kubernetes:helm.sh/v3:Release";
const SECRET = "kubernetes:core/v1:Secret";
const POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy";
const NAMESPACE = "kubernetes:core/v1:Namespace";

describe("Monitoring", () => {
  let monitoring: Monitoring;
  let recording: Recording;
  let chart: Registered;

  before(async () => {
    ({ made: monitoring, recording } = await build((parent) => new Monitoring("monitoring", MONITORING, { parent })));
    chart = find(recording, CHART, "monitoring");
  });

  it("is a child of its parent, and all it makes are children of it on the same cluster", () => {
    assert.equal(find(recording, "yolo:infra:Monitoring", "monitoring").urn, COMPONENT);
    for (const { type, parent, provider, urn } of recording.resources) {
      if (!type.startsWith("kubernetes:")) continue;
      assert.equal(parent, COMPONENT, urn);
      assert.match(provider, /pulumi:providers:kubernetes::cluster/, urn);
    }
  });

  it("tells where Prometheus is", async () => {
    const outputs = {
      namespace: "monitoring",
      prometheusUrl: "http://kube-prometheus-prometheus.monitoring.svc:9090",
    };
    assert.equal(await outputValue(monitoring.prometheusUrl), outputs.prometheusUrl);
    assert.deepEqual(recording.outputs.get(COMPONENT), outputs);
  });

  it("installs the definitions first, as a release that is whole or not at all (P16, P17)", async () => {
    const { chart: name, version, repository } = CHARTS.prometheusOperatorCrds;
    const release = find(recording, RELEASE, "monitoring-crds");
    const { values, ...inputs } = release.inputs as { values?: object };
    assert.deepEqual(inputs, {
      chart: name,
      version,
      repositoryOpts: { repo: repository },
      name: "monitoring-crds",
      namespace: "monitoring",
      skipCrds: false,
      atomic: true,
      cleanupOnFail: true,
      timeout: 600,
      // Put there by the class itself.
      compat: "true",
    });
    assert.ok(values === undefined || Object.keys(values).length === 0);
    assert.ok(chart.dependencies.includes(release.urn));
    assert.equal(await outputValue(monitoring.definitions.urn), release.urn);
  });

  it("installs the pinned chart without its definitions, after secrets and policies", () => {
    const { chart: name, version, repository } = CHARTS.kubePrometheusStack;
    const { values, ...inputs } = chart.inputs;
    assert.deepEqual(inputs, {
      chart: name,
      version,
      repositoryOpts: { repo: repository },
      name: "monitoring",
      namespace: "monitoring",
      skipCrds: true,
    });
    assert.ok(values);
    const before: [string, string][] = [
      [SECRET, "monitoring-grafana"],
      [SECRET, "monitoring-receivers"],
      [POLICY, "monitoring"],
      [POLICY, "monitoring-readers"],
      [NAMESPACE, "monitoring-exporter"],
    ];
    for (const [type, child] of before) assert.ok(chart.dependencies.includes(find(recording, type, child).urn), child);
  });

  it("takes both charts from where it is told, for networks without a way out", async () => {
    const charts = { from: "mirror", repository: "oci://registry.example.com/charts" } as const;
    const { recording: other } = await build(
      (parent) => new Monitoring("monitoring", { ...MONITORING, charts }, { parent }),
    );
    assert.equal(
      find(other, RELEASE, "monitoring-crds").inputs.chart,
      "oci://registry.example.com/charts/prometheus-operator-crds",
    );
    assert.equal(
      find(other, CHART, "monitoring").inputs.chart,
      "oci://registry.example.com/charts/kube-prometheus-stack",
    );
  });

  it("refuses all but restricted pods, and lets the exporter read its host elsewhere", () => {
    const labels = (name: string) =>
      (find(recording, NAMESPACE, name).inputs as { metadata: { labels: object } }).metadata.labels;
    const own = labels("monitoring") as Record<string, string>;
    assert.equal(own["pod-security.kubernetes.io/enforce"], "restricted");
    const exporter = labels("monitoring-exporter") as Record<string, string>;
    assert.equal(exporter["pod-security.kubernetes.io/enforce"], "privileged");
  });

  it("keeps passwords and keys in Secrets, and marks them as secret", () => {
    const grafana = find(recording, SECRET, "monitoring-grafana");
    assert.deepEqual(grafana.inputs.stringData, {
      "admin-user": "admin",
      "admin-password": "correct horse battery",
    });
    const receivers = find(recording, SECRET, "monitoring-receivers");
    assert.deepEqual(Object.keys(receivers.inputs.stringData as object).sort(), ["hook", "login", "oncall", "team"]);
    for (const secret of [grafana, receivers]) assert.ok(secret.isSecret("stringData"));
    assert.doesNotMatch(JSON.stringify(chart.inputs), /correct horse|https:\/\/hooks/);
  });

  it("lets pods of its own namespace, and readers of Prometheus, in", () => {
    assert.deepEqual(find(recording, POLICY, "monitoring").inputs.spec, {
      podSelector: {},
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ podSelector: {} }] }],
    });
    assert.deepEqual(find(recording, POLICY, "monitoring-readers").inputs.spec, {
      podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "keda" } } }],
          ports: [{ protocol: "TCP", port: 9090 }],
        },
      ],
    });
  });

  it("lets Grafana read ConfigMaps everywhere, and nothing else", () => {
    const role = find(recording, "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "monitoring-dashboards");
    assert.deepEqual(role.inputs.rules, [
      { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "watch"] },
    ]);
    const binding = find(
      recording,
      "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
      "monitoring-dashboards",
    );
    assert.deepEqual(binding.inputs.subjects, [{ kind: "ServiceAccount", name: "grafana", namespace: "monitoring" }]);
  });

  it("makes its rules once the definitions are there", () => {
    const rules = find(recording, "kubernetes:monitoring.coreos.com/v1:PrometheusRule", "monitoring");
    assert.ok(rules.dependencies.includes(find(recording, RELEASE, "monitoring-crds").urn));
    const { groups } = rules.inputs.spec as { groups: { name: string }[] };
    assert.deepEqual(
      groups.map(({ name }) => name),
      ["cluster", "gpu", "cost"],
    );
  });

  it("makes a ConfigMap of each dashboard, which Grafana finds by its label", () => {
    const maps = recording.resources.filter(({ type }) => type === "kubernetes:core/v1:ConfigMap");
    assert.deepEqual(maps.map(({ name }) => name).sort(), [
      "monitoring-capacity",
      "monitoring-gpu",
      "monitoring-service",
    ]);
    for (const { inputs } of maps) {
      const { metadata, data } = inputs as {
        metadata: { labels: Record<string, string>; namespace: string };
        data: Record<string, string>;
      };
      assert.equal(metadata.labels.grafana_dashboard, "1");
      assert.equal(metadata.namespace, "monitoring");
      const [file, ...others] = Object.entries(data);
      assert.ok(file !== undefined && others.length === 0 && file[0].endsWith(".json"));
      assert.ok(file[1].length < 1_000_000, "a ConfigMap holds 1 MiB");
    }
  });

  it("makes no Secret of receivers and no policy of readers where there are none", async () => {
    const alertmanager = {
      ...SETTINGS.alertmanager,
      receivers: {},
      routes: { critical: [], warning: [], info: [] },
      heartbeat: undefined,
    };
    const { recording: other } = await build(
      (parent) =>
        new Monitoring(
          "monitoring",
          { ...MONITORING, settings: { ...SETTINGS, alertmanager }, readers: [], gpus: false, prices: undefined },
          { parent },
        ),
    );
    const names = other.resources.map(({ name }) => name);
    for (const name of ["monitoring-receivers", "monitoring-readers", "monitoring-gpu"])
      assert.ok(!names.includes(name), name);
  });

  it("refuses settings that do not go together, before it makes anything", async () => {
    const alertmanager = { ...SETTINGS.alertmanager, heartbeat: "nobody-knows" };
    await assert.rejects(
      build(
        (parent) =>
          new Monitoring("monitoring", { ...MONITORING, settings: { ...SETTINGS, alertmanager } }, { parent }),
      ),
      /Expected a receiver of monitoring\.alertmanager\.receivers .* for monitoring\.alertmanager\.heartbeat but received "nobody-knows"/,
    );
  });
});

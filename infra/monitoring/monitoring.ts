import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { installChart, installRelease } from "../charts.ts";
import { objectLabels, podSecurityLabels } from "../names.ts";
import { refuseProblems } from "../problems.ts";
import { RECEIVER_SECRET, secretNames } from "./alertmanager.ts";
import { ruleSpec } from "./alerts.ts";
import type { MonitoringPlan } from "./args.ts";
import { monitoringProblems } from "./checks.ts";
import { dashboards } from "./dashboards/index.ts";
import { OWN_NAMESPACE_ONLY, readersPolicy } from "./network-policy.ts";
import { platformGroups } from "./platform-rules.ts";
import {
  DASHBOARD_LABEL,
  EXPORTER_NAMESPACE,
  GRAFANA_KEYS,
  GRAFANA_NAME,
  GRAFANA_SECRET,
  MONITORING_NAMESPACE,
  monitoringValues,
  PROMETHEUS_URL,
} from "./values.ts";

/** Arguments of the Monitoring component. */
export interface MonitoringArgs extends MonitoringPlan {
  /** Password of Grafana's user `admin`. */
  grafanaPassword: pulumi.Input<string>;
  /** What grants access to the receivers, by their names. */
  receiverSecrets?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** Prometheus, Alertmanager and Grafana, with rules and dashboards about nodes, GPUs and costs. */
export class Monitoring extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;
  /** Address of Prometheus' API, which pods of the readers' namespaces may ask. */
  readonly prometheusUrl: pulumi.Output<string>;
  /** What makes ServiceMonitors and PrometheusRules known: everything that has some depends on it (P17). */
  readonly definitions: pulumi.Resource;

  /** Throws one ResourceError that lists every problem when settings do not go together. */
  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:Monitoring", name, {}, opts);
    const problems = monitoringProblems(args.settings);
    refuseProblems(problems, this);
    const parent = { parent: this };

    const namespaced = makeNamespaces(name, this);
    const { namespace } = namespaced;
    const metadata = (objectName: string) => ({
      name: objectName,
      namespace: namespace.metadata.name,
      labels: objectLabels(name, MONITORING_NAMESPACE),
    });

    // A release, although a preview shows nothing of it: the ten definitions are megabytes, which a state in a bucket would
    // carry through each step of each update. They are templates of this chart, which Helm upgrades and removes, unlike
    // those that a chart brings along (P17).
    const definitions = installRelease(
      `${name}-crds`,
      "prometheusOperatorCrds",
      { namespace: namespace.metadata.name, source: args.charts, values: {} },
      parent,
    );
    const policies = makePolicies(name, args.readers, metadata, this);
    const secrets = makeSecrets(name, args, metadata, this);
    // As objects, so that a preview shows each rule and each right that an upgrade changes; values.ts turns off what would
    // need hooks or be made anew each time.
    const { grafanaPassword: _, receiverSecrets: __, ...plan } = args;
    installChart(
      name,
      "kubePrometheusStack",
      {
        namespace: namespace.metadata.name,
        source: args.charts,
        values: monitoringValues(plan),
        // P17: not those in the chart's folder either.
        skipCrds: true,
      },
      { parent: this, dependsOn: [definitions, ...policies, ...secrets, namespaced.exporter] },
    );

    allowDashboards(name, metadata, this);
    new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: metadata(name),
        spec: ruleSpec(platformGroups(args), args.settings.runbookUrl),
      },
      { parent: this, dependsOn: [definitions] },
    );
    for (const { file, content } of dashboards({ gpus: args.gpus, prices: args.prices !== undefined })) {
      const { labels, ...rest } = metadata(`dashboard-${file}`);
      new k8s.core.v1.ConfigMap(
        `${name}-${file}`,
        {
          metadata: { ...rest, labels: { ...labels, ...DASHBOARD_LABEL } },
          data: { [`${file}.json`]: JSON.stringify(content) },
        },
        parent,
      );
    }

    this.namespace = namespace.metadata.name;
    this.prometheusUrl = namespace.metadata.name.apply(() => PROMETHEUS_URL);
    this.definitions = definitions;
    this.registerOutputs({ namespace: this.namespace, prometheusUrl: this.prometheusUrl });
  }
}

type Metadata = (name: string) => {
  name: string;
  namespace: pulumi.Output<string>;
  labels: Record<string, string>;
};

/** One namespace where pods may do next to nothing, and one for the exporter, which reads the host's files and network. */
function makeNamespaces(name: string, parent: pulumi.Resource) {
  const make = (child: string, namespace: string, security: Record<string, string>) =>
    new k8s.core.v1.Namespace(
      child,
      { metadata: { name: namespace, labels: { ...objectLabels(name, namespace), ...security } } },
      { parent },
    );
  return {
    namespace: make(name, MONITORING_NAMESPACE, podSecurityLabels()),
    exporter: make(`${name}-exporter`, EXPORTER_NAMESPACE, { "pod-security.kubernetes.io/enforce": "privileged" }),
  };
}

function makePolicies(name: string, readers: readonly string[], metadata: Metadata, parent: pulumi.Resource) {
  const make = (child: string, policy: string, spec: k8s.types.input.networking.v1.NetworkPolicySpec) =>
    new k8s.networking.v1.NetworkPolicy(child, { metadata: metadata(policy), spec }, { parent });
  return [
    make(name, "own-namespace-only", OWN_NAMESPACE_ONLY),
    // An empty list of peers would mean everybody.
    ...(readers.length > 0 ? [make(`${name}-readers`, "prometheus-readers", readersPolicy(readers))] : []),
  ];
}

function makeSecrets(
  name: string,
  { settings, grafanaPassword, receiverSecrets }: MonitoringArgs,
  metadata: Metadata,
  parent: pulumi.Resource,
) {
  const make = (child: string, secret: string, stringData: pulumi.Input<Record<string, pulumi.Input<string>>>) =>
    new k8s.core.v1.Secret(
      child,
      { metadata: metadata(secret), type: "Opaque", stringData: pulumi.secret(stringData) },
      { parent },
    );
  return [
    make(`${name}-grafana`, GRAFANA_SECRET, {
      [GRAFANA_KEYS.user]: "admin",
      [GRAFANA_KEYS.password]: grafanaPassword,
    }),
    ...(secretNames(settings.alertmanager).length > 0
      ? [make(`${name}-receivers`, RECEIVER_SECRET, receiverSecrets ?? {})]
      : []),
  ];
}

/** Lets Grafana find dashboards in all namespaces: ConfigMaps only, while the chart's own role would add every Secret. */
function allowDashboards(name: string, metadata: Metadata, parent: pulumi.Resource) {
  const child = `${name}-dashboards`;
  const { namespace, labels } = metadata(child);
  const role = new k8s.rbac.v1.ClusterRole(
    child,
    {
      metadata: { name: child, labels },
      rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "watch"] }],
    },
    { parent },
  );
  new k8s.rbac.v1.ClusterRoleBinding(
    child,
    {
      metadata: { name: child, labels },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name },
      subjects: [{ kind: "ServiceAccount", name: GRAFANA_NAME, namespace }],
    },
    { parent },
  );
}

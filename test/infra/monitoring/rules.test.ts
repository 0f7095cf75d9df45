import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { scaledObjectSpec } from "../../../infra/detector/scaled-object.ts";
import { type Alert, type Recording, type RuleGroup, ruleSpec } from "../../../infra/monitoring/alerts.ts";
import { REPLACED_ALERTS } from "../../../infra/monitoring/cluster-rules.ts";
import { COST_SERIES } from "../../../infra/monitoring/cost-rules.ts";
import { dashboardPlans } from "../../../infra/monitoring/dashboards/index.ts";
import { detectorGroups } from "../../../infra/monitoring/detector-rules.ts";
import { FATAL_XIDS } from "../../../infra/monitoring/gpu-rules.ts";
import {
  GPU_COUNTERS,
  gpuCountersCsv,
  HISTOGRAMS,
  KUBE,
  KUBELET,
  LATENCY_BOUNDS_MS,
  PROCESS,
  SCRAPE,
} from "../../../infra/monitoring/metrics.ts";
import { platformGroups } from "../../../infra/monitoring/platform-rules.ts";
import { METRICS } from "../../../service/contract.ts";
import { createMetrics } from "../../../service/src/telemetry/metrics.ts";
import { DETECTOR, MONITORING, SETTINGS } from "./fixture.ts";
import { parseQuery } from "./promql-parser.ts";

const OWN = detectorGroups(DETECTOR, SETTINGS.slo);
const GROUPS: RuleGroup[] = [...OWN, ...platformGroups(MONITORING)];
const ALERTS: Alert[] = GROUPS.flatMap(({ alerts = [] }) => alerts);
const RECORDINGS: Recording[] = GROUPS.flatMap(({ recordings = [] }) => recordings);
const PANELS = dashboardPlans({ gpus: true, prices: true }).flatMap(({ plan }) =>
  plan.sections.flatMap(({ panels }) => panels),
);

/** What KEDA asks for a detector that may sleep. */
const SCALING = scaledObjectSpec({
  ...DETECTOR,
  replicas: { min: 0, max: 7 },
  autoscaling: { cpuPercent: 70, memoryPercent: 90, keda: { idleMinutes: 15 } },
  prometheusUrl: "http://prometheus.invalid",
});

/** Every query, with what it belongs to. */
const QUERIES: { of: string; query: string }[] = [
  ...ALERTS.map(({ name, expression }) => ({ of: name, query: expression })),
  ...RECORDINGS.map(({ name, expression }) => ({ of: name, query: expression })),
  ...PANELS.flatMap(({ title, queries }) => queries.map(({ expression }) => ({ of: title, query: expression }))),
  ...SCALING.triggers.flatMap(({ metadata: { query } }) => (query === undefined ? [] : [{ of: "scaling", query }])),
];

/** Names that Prometheus has for the metrics of the contract. */
const CONTRACT = Object.values(METRICS).flatMap((name) =>
  HISTOGRAMS.some((histogram) => histogram === name)
    ? [`${name}_bucket`, `${name}_sum`, `${name}_count`]
    : [name as string],
);

function alert(name: string): Alert {
  const [found, ...others] = ALERTS.filter((each) => each.name === name);
  assert.ok(found !== undefined && others.length === 0, `Expected one alert ${name}`);
  return found;
}

describe("Queries of rules and dashboards", () => {
  it("are all understood by Prometheus' grammar", () => {
    const wrong = QUERIES.flatMap(({ of, query }) => parseQuery(query).errors.map((error) => `${of}: ${error}`));
    assert.deepEqual(wrong, []);
    assert.ok(QUERIES.length > 80, `${QUERIES.length} queries`);
  });

  it("use no metric that nobody exports", () => {
    const known = new Set<string>([
      ...CONTRACT,
      ...[PROCESS, SCRAPE, KUBE, KUBELET].flatMap((table) => Object.values(table)),
      ...Object.keys(GPU_COUNTERS),
      ...RECORDINGS.map(({ name }) => name),
    ]);
    const unknown = QUERIES.flatMap(({ of, query }) =>
      parseQuery(query)
        .metrics.filter((metric) => !known.has(metric))
        .map((metric) => `${of}: ${metric}`),
    );
    assert.deepEqual(unknown, []);
  });

  it("use every metric of the contract, and every other one that is named", () => {
    const used = new Set(QUERIES.flatMap(({ query }) => parseQuery(query).metrics));
    const unused = Object.values(METRICS).filter(
      (name) => ![name, `${name}_sum`, `${name}_bucket`].some((each) => used.has(each)),
    );
    assert.deepEqual(unused, []);
    const others = [
      ...[PROCESS, SCRAPE, KUBE, KUBELET].flatMap((table) => Object.values(table)),
      ...Object.keys(GPU_COUNTERS),
      ...Object.values(COST_SERIES),
    ];
    assert.deepEqual(
      others.filter((name) => !used.has(name)),
      [],
    );
  });

  it("ask metrics of the service for labels that they have only", async () => {
    const labels = await serviceLabels();
    const wrong = [...OWN.flatMap(({ alerts = [], recordings = [] }) => [...alerts, ...recordings])].flatMap(
      ({ name, expression }) =>
        [...expression.matchAll(/(yolo_\w+)\{([^}]*)\}/g)].flatMap(([, metric = "", matchers = ""]) =>
          [...matchers.matchAll(/(\w+)(?:=~|!~|!=|=)/g)]
            .map(([, label = ""]) => label)
            .filter(
              (label) => !["namespace", "job", "le"].includes(label) && !labels.get(base(metric))?.includes(label),
            )
            .map((label) => `${name}: ${metric}{${label}}`),
        ),
    );
    assert.deepEqual(wrong, []);
  });

  it("know the bounds of the service's histograms", async () => {
    const { registry, requestDuration } = createMetrics(() => undefined);
    requestDuration.observe({ route: "/predict" }, 0.1);
    const text = await registry.metrics();
    const bounds = [...text.matchAll(/^yolo_request_duration_seconds_bucket\{le="([\d.]+)"/gm)].map(
      ([, le]) => Number(le) * 1000,
    );
    const missing = LATENCY_BOUNDS_MS.filter((bound) => !bounds.includes(bound));
    assert.deepEqual(missing, []);
  });
});

/** Labels of each metric of the service, as the service makes them. */
async function serviceLabels(): Promise<Map<string, string[]>> {
  const metrics = createMetrics(() => undefined);
  const entries = Object.values(METRICS).map((name) => {
    const metric = metrics.registry.getSingleMetric(name) as unknown as { labelNames: string[] };
    return [name as string, metric.labelNames] as const;
  });
  return new Map(entries);
}

function base(metric: string): string {
  return HISTOGRAMS.find((histogram) => metric.startsWith(`${histogram}_`)) ?? metric;
}

describe("Alerts", () => {
  it("say what is wrong and what that means", () => {
    for (const { name, summary, description } of ALERTS) {
      assert.match(summary, /^[A-Z].{10,80}[^.]$/, name);
      assert.match(description, /^.{20,}\.$/, name);
    }
  });

  it("each have a section in the runbooks, and no section is about none", () => {
    const text = readFileSync(new URL("../../../docs/runbooks.md", import.meta.url), "utf8");
    const headings = [...text.matchAll(/^## (Yolo\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual([...headings].sort(), [...new Set(ALERTS.map(({ name }) => name))].sort());
    const { groups } = ruleSpec(GROUPS, SETTINGS.runbookUrl);
    const first = groups.flatMap(({ rules }) => rules).find((rule) => rule.alert === "YoloQueueFilling");
    assert.equal(first?.annotations?.runbook_url, "https://example.com/runbooks.md#yoloqueuefilling");
  });

  it("are told apart by their labels where they share a name", () => {
    const keys = ALERTS.map(({ name, severity, labels }) => JSON.stringify([name, severity, labels]));
    assert.equal(new Set(keys).size, keys.length);
  });

  it("replace alerts of the chart, which are turned off", () => {
    assert.deepEqual(REPLACED_ALERTS, [
      "KubeNodeNotReady",
      "KubePersistentVolumeFillingUp",
      "KubeletClientCertificateExpiration",
      "KubeletServerCertificateExpiration",
    ]);
  });

  it("give a service that may sleep the time that a node with a GPU takes to come", () => {
    const minutes = (min: number) =>
      detectorGroups({ ...DETECTOR, replicas: { min, max: 7 } }, SETTINGS.slo)
        .flatMap(({ alerts = [] }) => alerts)
        .filter(({ name }) => ["YoloNoReadyPods", "YoloMetricsMissing"].includes(name))
        .map(({ minutes }) => minutes)
        .sort((a, b) => a - b);
    assert.deepEqual(minutes(1), [3, 10]);
    assert.deepEqual(minutes(0), [20, 20]);
  });

  it("become rules as Prometheus Operator takes them", () => {
    const { groups } = ruleSpec(
      [{ name: "pods", alerts: [{ ...alert("YoloNoReadyPods"), labels: { team: "vision" } }] }],
      "docs/runbooks.md",
    );
    assert.deepEqual(groups, [
      {
        name: "pods",
        rules: [
          {
            alert: "YoloNoReadyPods",
            expr:
              'kube_deployment_status_replicas_ready{namespace="yolo",deployment="detector"} == 0 ' +
              'and kube_deployment_spec_replicas{namespace="yolo",deployment="detector"} > 0',
            for: "3m",
            labels: { team: "vision", severity: "critical" },
            annotations: {
              summary: "No pod answers requests",
              description: "None of the pods of {{ $labels.deployment }} in {{ $labels.namespace }} is ready.",
              runbook_url: "docs/runbooks.md#yolonoreadypods",
            },
          },
        ],
      },
    ]);
  });
});

describe("Rules of a detector", () => {
  it("record each objective for each window, and count routes with detections only", () => {
    const names = OWN.flatMap(({ recordings = [] }) => recordings.map(({ name }) => name));
    assert.equal(names.length, 15);
    const served = 'namespace="yolo",job="detector",route=~"/predict|/v2/.+/infer"';
    const all = `sum by (namespace, job) (rate(yolo_requests_total{${served}}[1h]))`;
    const byName = new Map(RECORDINGS.map(({ name, expression }) => [name as string, expression]));
    assert.equal(byName.get("yolo:requests:rate1h"), all);
    assert.equal(
      byName.get("yolo:requests_failed:ratio_rate1h"),
      `(sum by (namespace, job) (rate(yolo_requests_total{${served},code=~"5.."}[1h])) or 0 * ${all}) / ${all}`,
    );
    assert.equal(
      byName.get("yolo:requests_slow:ratio_rate1h"),
      `1 - sum by (namespace, job) (rate(yolo_request_duration_seconds_bucket{${served},le=~"1(\\\\.0)?"}[1h])) / ` +
        `sum by (namespace, job) (rate(yolo_request_duration_seconds_count{${served}}[1h]))`,
    );
  });

  it("alert on each objective in each pair of windows, not about a handful of requests", () => {
    const burns = ALERTS.filter(({ name }) => name.endsWith("BudgetBurn"));
    assert.equal(burns.length, 6);
    const own = '{namespace="yolo",job="detector"}';
    assert.equal(
      burns[0]?.expression,
      `yolo:requests_failed:ratio_rate1h${own} > 0.0144 and yolo:requests_failed:ratio_rate5m${own} > 0.0144 ` +
        `and yolo:requests:rate1h${own} * 3600 >= 50`,
    );
    assert.deepEqual(burns[5]?.labels, { objective: "latency", window: "3d" });
    assert.equal(burns[5]?.severity, "warning");
  });

  it("take limits from the detector's own settings", () => {
    assert.match(alert("YoloQueueFilling").expression, /> 40$/);
    assert.match(alert("YoloScaledToLimit").expression, />= 7$/);
    assert.match(alert("YoloProviderMismatch").expression, /provider!="cuda"/);
    assert.ok(alert("YoloModelMismatch").expression.includes(`sha256!="${DETECTOR.model.sha256}"`));
  });

  it("ask for pods on several nodes where there are several that fit", () => {
    assert.match(
      alert("YoloPodsNotSpread").expression,
      /count\(kube_node_labels\{label_nvidia_com_gpu_present="true"\}\) > 1$/,
    );
    const onCpu = detectorGroups({ ...DETECTOR, resources: { ...DETECTOR.resources, gpus: 0 } }, SETTINGS.slo);
    const spread = onCpu.flatMap(({ alerts = [] }) => alerts).find(({ name }) => name === "YoloPodsNotSpread");
    assert.match(spread?.expression ?? "", /count\(kube_node_labels\) > 1$/);
  });
});

describe("Rules of the platform", () => {
  it("leave out GPUs and costs where there are none", () => {
    const groups = platformGroups({ gpus: false, prices: undefined });
    assert.deepEqual(
      groups.map(({ name }) => name),
      ["cluster"],
    );
  });

  it("call a GPU broken after each error that needs a reset, and only then wake somebody", () => {
    const { expression, severity } = alert("YoloGpuFailed");
    for (const code of FATAL_XIDS) assert.ok(expression.includes(`DCGM_FI_DEV_XID_ERRORS == ${code}`));
    assert.equal(severity, "critical");
    assert.equal(alert("YoloGpuError").severity, "warning");
  });

  it("call idle a GPU that a pod holds, not one that the exporter names itself for", () => {
    assert.match(alert("YoloGpuIdle").expression, /\{namespace!~"gpu\|",pod!="",GPU_I_ID=""\}\[1h\]\) < 5$/);
  });

  it("know the price of each instance type of the table", () => {
    const prices = RECORDINGS.filter(({ name }) => name === COST_SERIES.price);
    assert.deepEqual(
      prices.map(({ labels, expression }) => [labels?.instance_type, expression]),
      [
        ["g6.xlarge", "vector(0.8048)"],
        ["m7i.large", "vector(0.1008)"],
      ],
    );
  });

  it("tell the exporter of GPUs' figures what to collect", () => {
    const lines = gpuCountersCsv().trimEnd().split("\n");
    assert.equal(lines.length, Object.keys(GPU_COUNTERS).length);
    for (const line of lines) assert.match(line, /^DCGM_FI_DEV_[A-Z_]+, (?:gauge|counter), [^,]+$/);
  });
});

import assert from "node:assert/strict";
import { Detector } from "../../../infra/detector/detector.ts";
import { DetectorMonitoring } from "../../../infra/monitoring/detector-monitoring.ts";
import { PATHS, PORTS } from "../../../service/contract.ts";
import { find, installMocks, type Recording, settle } from "../../support/pulumi.ts";
import { ARGS } from "../detector/fixture.ts";
import { build, DETECTOR, SETTINGS } from "./fixture.ts";

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:DetectorMonitoring::detector";
const MONITOR = "kubernetes:monitoring.coreos.com/v1:ServiceMonitor";
const RULES = "kubernetes:monitoring.coreos.com/v1:PrometheusRule";
const POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy";
const LABELS = { "app.kubernetes.io/name": "detector", "app.kubernetes.io/instance": "yolo" };

describe("DetectorMonitoring", () => {
  let recording: Recording;

  before(async () => {
    ({ recording } = await build(
      (parent) =>
        new DetectorMonitoring(
          "detector",
          { detector: DETECTOR, slo: SETTINGS.slo, runbookUrl: SETTINGS.runbookUrl },
          { parent },
        ),
    ));
  });

  it("makes everything in the detector's namespace, as its own children", () => {
    const children = recording.resources.filter(({ parent }) => parent === COMPONENT);
    assert.deepEqual(children.map(({ type, name }) => `${type.split(":").pop()} ${name}`).sort(), [
      "NetworkPolicy detector",
      "PrometheusRule detector-rules",
      "ServiceMonitor detector-monitor",
    ]);
    for (const { inputs, name } of children) {
      assert.equal((inputs as { metadata: { namespace: string } }).metadata.namespace, "yolo", name);
    }
  });

  it("reads the metrics of the contract's path and port", () => {
    assert.deepEqual(find(recording, MONITOR, "detector-monitor").inputs.spec, {
      jobLabel: "app.kubernetes.io/name",
      selector: { matchLabels: LABELS },
      endpoints: [{ port: "http", path: PATHS.metrics, scrapeTimeout: "5s" }],
      sampleLimit: 20_000,
    });
  });

  it("finds the Service that a Detector makes, by its labels and the name of its port", async () => {
    const detector = await installMocks();
    new Detector("detector", ARGS);
    await settle();
    const { metadata, spec } = find(detector, "kubernetes:core/v1:Service", "detector").inputs as {
      metadata: { labels: Record<string, string> };
      spec: { ports: { name: string }[] };
    };
    for (const [label, value] of Object.entries(LABELS)) assert.equal(metadata.labels[label], value);
    assert.deepEqual(
      spec.ports.map(({ name }) => name),
      ["http"],
    );
  });

  it("lets Prometheus' pods, and no others of their namespace, reach the detector", () => {
    const policy = find(recording, POLICY, "detector");
    assert.deepEqual(policy.inputs.spec, {
      podSelector: { matchLabels: LABELS },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } },
              podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
            },
          ],
          ports: [{ protocol: "TCP", port: PORTS.http }],
        },
      ],
    });
    assert.ok(find(recording, MONITOR, "detector-monitor").dependencies.includes(policy.urn));
  });

  it("makes the rules of this detector", () => {
    const { groups } = find(recording, RULES, "detector-rules").inputs.spec as {
      groups: { name: string; rules: { expr: string }[] }[];
    };
    assert.deepEqual(
      groups.map(({ name }) => name),
      ["slo-recordings", "slo-alerts", "service", "pods", "release"],
    );
    for (const { rules } of groups) for (const { expr } of rules) assert.match(expr, /namespace="yolo"/);
  });
});

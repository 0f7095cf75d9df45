import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { MonitoringSettings, WatchedDetector } from "../../../infra/monitoring/args.ts";
import type { MonitoringArgs } from "../../../infra/monitoring/monitoring.ts";
import { installMocks, type Recording, settle } from "../../support/pulumi.ts";
import { ARGS, SHA256 } from "../detector/fixture.ts";

/** Settings that differ from every default. */
export const SETTINGS: MonitoringSettings = {
  retentionDays: 20,
  storageGib: 100,
  replicas: 2,
  memory: "3Gi",
  scrapeSeconds: 15,
  runbookUrl: "https://example.com/runbooks.md",
  alertmanager: {
    replicas: 3,
    storageGib: 4,
    receivers: {
      oncall: { type: "pagerduty" },
      team: { type: "slack", channel: "#alerts" },
      hook: { type: "webhook" },
      mail: { type: "email", to: "a@example.com", from: "b@example.com", smarthost: "smtp.example.com:587" },
      login: {
        type: "email",
        to: "a@example.com",
        from: "b@example.com",
        smarthost: "smtp.example.com:587",
        username: "alerts",
      },
    },
    routes: { critical: ["oncall", "team"], warning: ["team"], info: ["mail", "login"] },
    repeatHours: 6,
    heartbeat: "hook",
  },
  slo: { availabilityPercent: 99.9, latency: { percent: 99, thresholdMs: 1_000 }, minRequests: 50 },
};

/** Arguments that set everything there is to set. */
export const MONITORING: MonitoringArgs = {
  clusterName: "yolo-test",
  settings: SETTINGS,
  charts: { from: "upstream" },
  placement: {
    nodeSelector: { "yolo/pool": "system" },
    tolerations: [{ key: "CriticalAddonsOnly", operator: "Exists" }],
  },
  readers: ["keda"],
  gpus: true,
  prices: { "g6.xlarge": 0.8048, "m7i.large": 0.1008 },
  grafanaPassword: pulumi.secret("correct horse battery"),
  receiverSecrets: pulumi.secret({ oncall: "key", team: "https://hooks", hook: "https://dead", login: "word" }),
};

/** A detector on GPUs. */
export const DETECTOR: WatchedDetector = {
  name: "detector",
  namespace: "yolo",
  replicas: { min: 2, max: 7 },
  resources: { ...ARGS.resources, gpus: 1 },
  serving: { ...ARGS.serving, executionProvider: "cuda", queueLimit: 50 },
  model: { name: "street", sha256: SHA256 },
};

/** Makes something below a parent with a provider of its own, under mocks. */
export async function build<T>(make: (parent: pulumi.Resource) => T): Promise<{ made: T; recording: Recording }> {
  const recording = await installMocks();
  const provider = new k8s.Provider("cluster", { kubeconfig: "{}" });
  const parent = new pulumi.ComponentResource("test:Parent", "parent", {}, { providers: [provider] });
  const made = make(parent);
  await settle();
  return { made, recording };
}

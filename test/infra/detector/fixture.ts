import * as pulumi from "@pulumi/pulumi";
import type { DetectorArgs } from "../../../infra/detector/args.ts";
import { Detector } from "../../../infra/detector/detector.ts";
import { find, installMocks, type Recording, settle } from "../../support/pulumi.ts";

/** Digest of everything that the tests name by digest. */
export const SHA256 = "0123456789abcdef".repeat(4);

/** Arguments that set everything there is to set. */
export const ARGS: DetectorArgs = {
  namespace: "yolo",
  image: `docker.io/yolo/detector@sha256:${SHA256}`,
  model: { name: "street", sha256: SHA256 },
  modelVolume: { type: "hostPath", path: "/models", sizeGib: 1 },
  secrets: { "api-keys": `one:${SHA256}` },
  replicas: { min: 2, max: 5 },
  resources: { requests: { cpu: "500m", memory: "512Mi" }, limits: { cpu: "2", memory: "2Gi" }, gpus: 0 },
  gpuApi: "devicePlugin",
  autoscaling: { cpuPercent: 70, memoryPercent: 90 },
  service: { type: "NodePort", nodePort: 30080 },
  serving: {
    executionProvider: "cpu",
    threads: 2,
    workers: 1,
    maxBatch: 1,
    maxBatchDelayMs: 2,
    queueLimit: 32,
    requestTimeoutMs: 10_000,
    bodyLimitMib: 10,
    pixelLimitMega: 25,
    resize: "exact",
    fetchHosts: [],
    corsOrigins: ["https://app.example.com", "https://b.example.com"],
    rateLimitPerMinute: 600,
    page: true,
    logLevel: "info",
  },
  rollout: { mode: "availability", maxSurge: 1 },
  drainSeconds: 5,
  nodeSelector: { pool: "general" },
  tolerations: [{ key: "dedicated", operator: "Exists", effect: "NoSchedule" }],
  allowFrom: [{ cidr: "10.0.0.0/8" }, { namespace: "monitoring" }],
};

/** Labels that select the pods. */
export const SELECTOR = { "app.kubernetes.io/name": "detector", "app.kubernetes.io/instance": "yolo" };

/** Labels of every object. */
export const LABELS = { ...SELECTOR, "app.kubernetes.io/part-of": "yolo", "app.kubernetes.io/managed-by": "pulumi" };

/** URN of the component below its parent. */
export const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:Detector::detector";

/** Builds the component under mocks. They do not show that Kubernetes accepts the objects, nor that a Secret gets a new name. */
export async function build(
  changes: Partial<DetectorArgs> = {},
): Promise<{ detector: Detector; recording: Recording }> {
  const recording = await installMocks();
  const parent = new pulumi.ComponentResource("test:Parent", "parent");
  const detector = new Detector("detector", { ...ARGS, ...changes }, { parent });
  await settle();
  return { detector, recording };
}

/** Metadata of an object in the namespace. */
export function metadata(name: string) {
  return { name, namespace: "yolo", labels: LABELS };
}

/** The template of the Deployment's pods. */
export function podTemplate(recording: Recording): unknown {
  const { spec } = find(recording, "kubernetes:apps/v1:Deployment", "detector").inputs as {
    spec: { template: unknown };
  };
  return spec.template;
}

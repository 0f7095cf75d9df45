import assert from "node:assert/strict";
import type { DetectorSettings, Model, ModelVolume } from "../../../infra/detector/args.ts";
import { detectorProblems, modelProblems, worstCaseMemoryMib } from "../../../infra/detector/checks.ts";
import { problemText } from "../../../infra/problems.ts";
import { detectorSchema } from "../../../stacks/config/detector.ts";

const DEFAULTS = detectorSchema.parse({});
const LIMITED = { requests: { cpu: "500m", memory: "512Mi" }, limits: { cpu: "1", memory: "2Gi" }, gpus: 0 };

function problems(changes: Partial<DetectorSettings>): string[] {
  return detectorProblems({ ...DEFAULTS, ...changes }).map(problemText);
}

const REFUSED: [name: string, changes: Partial<DetectorSettings>, message: string][] = [
  [
    "a namespace of Kubernetes",
    { namespace: "kube-system" },
    'Expected a namespace of its own, not one that belongs to Kubernetes for namespace but received "kube-system"',
  ],
  [
    "a minimum above the maximum",
    { replicas: { min: 3, max: 2 } },
    "Expected at most replicas.max (2) for replicas.min but received 3",
  ],
  [
    "a rollout that may end every pod",
    { replicas: { min: 2, max: 2 }, rollout: { mode: "resourceAware", maxUnavailable: 2 } },
    "Expected less than replicas.min (2), so that one pod stays while the others are replaced, for rollout.maxUnavailable but received 2",
  ],
  [
    "a CPU request above the limit",
    {
      resources: { ...LIMITED, requests: { cpu: "1.5", memory: "512Mi" } },
      autoscaling: { cpuPercent: 60, memoryPercent: 90 },
    },
    'Expected at most resources.limits.cpu (1) for resources.requests.cpu but received "1.5"',
  ],
  [
    "a memory request above the limit",
    {
      resources: { requests: { cpu: "1", memory: "3Gi" }, limits: { memory: "2Gi" }, gpus: 0 },
      autoscaling: { cpuPercent: 70, memoryPercent: 50 },
    },
    'Expected at most resources.limits.memory (2Gi) for resources.requests.memory but received "3Gi"',
  ],
  [
    "a memory limit that a full queue exceeds",
    { serving: { ...DEFAULTS.serving, queueLimit: 100 } },
    "Expected at least 3376Mi, which the process needs with serving.queueLimit + serving.workers bodies of serving.bodyLimitMib " +
      'and images of serving.pixelLimitMega in every worker, for resources.limits.memory but received "2Gi"',
  ],
  [
    "more threads than processors",
    {
      resources: LIMITED,
      serving: { ...DEFAULTS.serving, threads: 2, workers: 1 },
      autoscaling: { cpuPercent: 60, memoryPercent: 90 },
    },
    "Expected at most resources.limits.cpu (1), because threads beyond it only wait for each other, for serving.threads but received 2",
  ],
  [
    "a GPU that the processor's execution provider would leave idle",
    { resources: { ...DEFAULTS.resources, gpus: 1 } },
    "Expected 0 for serving.executionProvider cpu, which would leave the GPU idle, for resources.gpus but received 1",
  ],
  [
    "an execution provider for GPUs without a GPU",
    { serving: { ...DEFAULTS.serving, executionProvider: "cuda", workers: 1 } },
    "Expected at least 1 for serving.executionProvider cuda for resources.gpus but received 0",
  ],
  [
    "a CPU target beyond the limit",
    { resources: LIMITED, autoscaling: { cpuPercent: 201, memoryPercent: 90 } },
    "Expected at most 200 (resources.limits.cpu in percent of resources.requests.cpu) for autoscaling.cpuPercent but received 201",
  ],
  [
    "a memory target beyond the limit",
    { autoscaling: { cpuPercent: 70, memoryPercent: 201 } },
    "Expected at most 200 (resources.limits.memory in percent of resources.requests.memory) for autoscaling.memoryPercent but received 201",
  ],
  [
    "a node port without a NodePort service",
    { service: { type: "ClusterIP", nodePort: 30080 } },
    "Expected none for a service of type ClusterIP for service.nodePort but received 30080",
  ],
  [
    "a service for the outside that nobody outside may call",
    { service: { type: "LoadBalancer" }, allowFrom: [{ namespace: "web" }] },
    "Expected at least one cidr for a service of type LoadBalancer, which nobody outside could call otherwise, " +
      'for allowFrom but received [{"namespace":"web"}]',
  ],
];

describe("detectorProblems", () => {
  it("finds none in the defaults", () => {
    assert.deepEqual(problems({}), []);
  });

  for (const [name, changes, message] of REFUSED) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(problems(changes), [message]);
    });
  }

  it("accepts values at their bounds", () => {
    const changes: Partial<DetectorSettings> = {
      replicas: { min: 2, max: 2 },
      rollout: { mode: "resourceAware", maxUnavailable: 1 },
      resources: { ...LIMITED, requests: { cpu: "1000m", memory: "2Gi" }, limits: { cpu: "1", memory: "2048Mi" } },
      autoscaling: { cpuPercent: 100, memoryPercent: 100 },
    };
    assert.deepEqual(problems(changes), []);
  });

  it("counts the process, its workers, every body that may be held, the images that they work on and a drawing", () => {
    const serving = { ...DEFAULTS.serving, workers: 2, queueLimit: 8, bodyLimitMib: 10, pixelLimitMega: 1 };
    // 12 bytes for a pixel that is decoded, rounded up for each worker; 36 for one that is drawn.
    assert.equal(worstCaseMemoryMib(serving), 230 + 2 * (160 + 12) + 35 + 220);
    assert.equal(worstCaseMemoryMib({ ...serving, maxBatch: 4 }), 230 + 2 * (160 + 46) + 35 + 352);
    // Four are decoded at once; those before wait with 3 bytes a pixel.
    assert.equal(worstCaseMemoryMib({ ...serving, maxBatch: 8 }), 230 + 2 * (160 + 58) + 35 + 528);
    const { workers: _, ...chosen } = serving;
    assert.equal(worstCaseMemoryMib({ ...chosen, threads: 2 }), worstCaseMemoryMib(serving));
    assert.equal(worstCaseMemoryMib({ ...chosen, threads: 2, executionProvider: "cuda" }), worstCaseMemoryMib(serving));
  });
});

describe("modelProblems", () => {
  const file = { name: "street", sha256: "0".repeat(64) };
  const remote = { ...file, uri: "https://models.example.com/street.onnx" };
  const shared = { type: "storageClass", name: "efs", sizeGib: 1 } as const;
  const found = (model: Model, volume: ModelVolume) => modelProblems(model, volume).map(problemText);

  it("finds none where pods can read what they do not write, and write what they do", () => {
    assert.deepEqual(found(file, { type: "hostPath", path: "/models", sizeGib: 1 }), []);
    assert.deepEqual(found(file, { ...shared, accessMode: "ReadOnlyMany" }), []);
    assert.deepEqual(found(remote, { ...shared, accessMode: "ReadWriteMany" }), []);
    assert.deepEqual(found(remote, { type: "pod", sizeGib: 1 }), []);
    assert.deepEqual(found(remote, { type: "podClaim", storageClass: "gp3", sizeGib: 1 }), []);
  });

  it("refuses a download without a place", () => {
    const where = "a volume that pods can write to, for";
    const kinds =
      "(pod, podClaim, or storageClass with another accessMode than ReadOnlyMany), for modelStore.volume but received";
    assert.deepEqual(found(remote, { type: "hostPath", path: "/models", sizeGib: 1 }), [
      `Expected ${where} models from release.model.uri ${kinds} "hostPath"`,
    ]);
    assert.deepEqual(found(remote, { ...shared, accessMode: "ReadOnlyMany" }), [
      `Expected ${where} models from release.model.uri ${kinds} "ReadOnlyMany"`,
    ]);
  });

  it("refuses an empty place without a download", () => {
    for (const volume of [
      { type: "pod", sizeGib: 1 },
      { type: "podClaim", storageClass: "gp3", sizeGib: 1 },
    ] as const) {
      assert.deepEqual(found(file, volume), [
        "Expected an address, because a volume of the pod is empty when it starts, for release.model.uri but received nothing",
      ]);
    }
  });
});

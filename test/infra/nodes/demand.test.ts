import assert from "node:assert/strict";
import type { GpuGroupSettings } from "../../../infra/nodes/args.ts";
import { demandProblems, type GpuDemand, podCapacity } from "../../../infra/nodes/demand.ts";
import { problemText } from "../../../infra/problems.ts";

const GPU: GpuGroupSettings = {
  capacity: "spot",
  min: 0,
  max: 4,
  diskGib: 100,
  maxUnavailable: 1,
  labels: {},
  instanceTypes: ["g6.xlarge", "g5.xlarge"],
  ami: "AL2023_x86_64_NVIDIA",
  sharing: { mode: "none" },
};

describe("demandProblems", () => {
  const DEMAND: GpuDemand = {
    replicas: { min: 1, max: 4 },
    rollout: { mode: "availability", maxSurge: 1 },
    gpusPerPod: 1,
  };
  const texts = (demand: Partial<GpuDemand>, gpu: Record<string, GpuGroupSettings>) =>
    demandProblems({ ...DEMAND, ...demand }, gpu).map(problemText);

  it("counts nodes, GPUs and shares", () => {
    assert.equal(podCapacity(GPU, 1), 4);
    assert.equal(podCapacity({ ...GPU, instanceTypes: ["g6.12xlarge"] }, 1), 16);
    assert.equal(podCapacity({ ...GPU, instanceTypes: ["g6.12xlarge"] }, 3), 4);
    assert.equal(podCapacity({ ...GPU, sharing: { mode: "timeSlicing", replicas: 4 } }, 1), 16);
    assert.equal(podCapacity(GPU, 2), 0);
  });

  it("has room for the largest number of pods and those of a rollout, over all groups", () => {
    assert.deepEqual(texts({}, { small: { ...GPU, max: 5 } }), []);
    assert.deepEqual(texts({}, { small: { ...GPU, max: 3 }, other: { ...GPU, max: 2 } }), []);
    assert.deepEqual(texts({}, { small: { ...GPU, max: 2, sharing: { mode: "mps", replicas: 3 } } }), []);
    assert.deepEqual(texts({ gpusPerPod: 0 }, {}), []);
  });

  it("refuses a rollout that would wait for ever, and says what to change (P5)", () => {
    assert.deepEqual(texts({}, { small: GPU }), [
      "Expected room for 5 pods (detector.replicas.max + detector.rollout.maxSurge), not 4: at least 5, or a smaller " +
        "detector.replicas.max, or detector.rollout.mode: resourceAware, for nodes.gpu.small.max but received 4",
    ]);
    assert.deepEqual(texts({ rollout: { mode: "resourceAware", maxUnavailable: 1 } }, { small: GPU }), []);
    const slices = { ...GPU, max: 1, sharing: { mode: "timeSlicing", replicas: 3 } } as const;
    assert.deepEqual(texts({ rollout: { mode: "resourceAware", maxUnavailable: 1 } }, { small: slices }), [
      "Expected room for 4 pods (detector.replicas.max), not 3: at least 2, or a smaller detector.replicas.max, " +
        "for nodes.gpu.small.max but received 1",
    ]);
    assert.deepEqual(texts({ replicas: { min: 1, max: 6 } }, { small: GPU }), [
      "Expected room for 7 pods (detector.replicas.max + detector.rollout.maxSurge), not 4: at least 7, or a smaller " +
        "detector.replicas.max, for nodes.gpu.small.max but received 4",
    ]);
  });

  it("refuses GPUs that no node has", () => {
    assert.deepEqual(texts({}, {}), [
      "Expected at least one group, for the GPUs that pods of detector ask for, for nodes.gpu but received {}",
    ]);
    assert.deepEqual(texts({ gpusPerPod: 2 }, { small: GPU }), [
      "Expected at most 1, which is what one node has, for detector.resources.gpus but received 2",
    ]);
  });

  it("refuses more than one share for a pod", () => {
    const shared = { ...GPU, max: 9, sharing: { mode: "timeSlicing", replicas: 4 } } as const;
    assert.deepEqual(texts({ gpusPerPod: 2 }, { small: shared }), [
      "Expected 1, because a share is one and a second one may be of the same GPU (nodes.gpu.small.sharing.mode is timeSlicing), " +
        "for detector.resources.gpus but received 2",
    ]);
  });
});

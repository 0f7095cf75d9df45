import assert from "node:assert/strict";
import { nodesProblems } from "../../infra/nodes/checks.ts";
import { nodesSchema } from "../../stacks/config/nodes.ts";
import { describeExpected, formatProblems } from "../../stacks/config/problems.ts";

function problems(nodes: unknown): string {
  const result = nodesSchema.safeParse(nodes, { error: describeExpected });
  return result.success ? "" : formatProblems(result.error, nodes);
}

describe("nodesSchema", () => {
  it("has two system nodes and no GPUs by default, scaled by Cluster Autoscaler", () => {
    const nodes = nodesSchema.parse({});
    assert.deepEqual(nodes, {
      autoscaler: "clusterAutoscaler",
      ssm: false,
      detailedMonitoring: false,
      system: {
        instanceTypes: ["m7i.large"],
        ami: "AL2023_x86_64_STANDARD",
        capacity: "onDemand",
        min: 2,
        max: 4,
        diskGib: 40,
        maxUnavailable: 1,
        labels: {},
      },
      gpu: {},
    });
    assert.deepEqual(nodesProblems(nodes, "1.35"), []);
  });

  it("needs only types and the largest number of nodes of a group with GPUs, which costs nothing while it is idle", () => {
    const { gpu } = nodesSchema.parse({ gpu: { small: { instanceTypes: ["g6.xlarge", "g5.xlarge"], max: 4 } } });
    assert.deepEqual(gpu, {
      small: {
        instanceTypes: ["g6.xlarge", "g5.xlarge"],
        ami: "AL2023_x86_64_NVIDIA",
        capacity: "spot",
        min: 0,
        max: 4,
        diskGib: 100,
        sharing: { mode: "none" },
        maxUnavailable: 1,
        labels: {},
      },
    });
  });

  it("takes every way to share a GPU", () => {
    const sharing = (value: object, type = "g6.xlarge") =>
      problems({ gpu: { small: { instanceTypes: [type], max: 4, sharing: value } } });
    assert.equal(sharing({ mode: "none" }), "");
    assert.equal(sharing({ mode: "timeSlicing", replicas: 4 }), "");
    assert.equal(sharing({ mode: "mps", replicas: 48 }), "");
    assert.equal(sharing({ mode: "mig", profile: "1g.10gb", instances: 7 }, "p5.4xlarge"), "");
    assert.equal(
      sharing({ mode: "mig", profile: "1g.10gb", instances: 7 }),
      "✖ Expected timeSlicing, mps or none for the L4 of g6.xlarge, because only A100, A100-80GB, H100, H200, B200 have MIG, " +
        'for gpu.small.sharing.mode but received "mig"',
    );
  });

  it("reports every wrong value at once, by its path", () => {
    const nodes = {
      autoscaler: "none",
      gpu: {
        Small: { instanceTypes: ["g6.xlarge"], max: 4 },
        small: {
          instanceTypes: ["g6.huge"],
          ami: "AL2_x86_64_GPU",
          capacity: "SPOT",
          max: 0,
          sharing: { mode: "timeSlicing", replicas: 1 },
          labels: { "-": "a b" },
        },
      },
      system: { instanceTypes: [], desired: -1, gpus: 1 },
    };
    const types = "an instance type of infra/nodes/instance-types.ts, such as g6.xlarge or m7i.large";
    assert.deepEqual(problems(nodes).split("\n"), [
      '✖ Expected one of clusterAutoscaler, karpenter for autoscaler but received "none"',
      '✖ Expected a name of at most 63 lower-case letters, digits and hyphens for gpu.Small but received {"instanceTypes":["g6.xlarge"],"max":4}',
      "✖ Expected one of AL2023_x86_64_STANDARD, AL2023_ARM_64_STANDARD, AL2023_x86_64_NVIDIA, AL2023_ARM_64_NVIDIA, " +
        "BOTTLEROCKET_x86_64, BOTTLEROCKET_ARM_64, BOTTLEROCKET_x86_64_NVIDIA, BOTTLEROCKET_ARM_64_NVIDIA " +
        'for gpu.small.ami but received "AL2_x86_64_GPU"',
      '✖ Expected one of spot, onDemand for gpu.small.capacity but received "SPOT"',
      `✖ Expected ${types} for gpu.small.instanceTypes[0] but received "g6.huge"`,
      '✖ Expected a label such as team or example.com/team for gpu.small.labels.- but received "a b"',
      "✖ Expected a whole number from 1 to 450 for gpu.small.max but received 0",
      "✖ Expected a whole number from 2 to 48 for gpu.small.sharing.replicas but received 1",
      "✖ Expected a whole number from 0 to 450 for system.desired but received -1",
      "✖ Expected no such key for system.gpus but received 1",
      `✖ Expected at least one, each ${types}, for system.instanceTypes but received []`,
    ]);
  });

  it("reports values that do not go together once each is well-formed", () => {
    assert.equal(
      problems({ gpu: { small: { instanceTypes: ["g5g.xlarge"], min: 5, max: 4 } } }),
      '✖ Expected an AMI for arm64, as g5g.xlarge needs it, for gpu.small.ami but received "AL2023_x86_64_NVIDIA"\n' +
        "✖ Expected at most max (4) for gpu.small.min but received 5",
    );
  });
});

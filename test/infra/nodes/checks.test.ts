import assert from "node:assert/strict";
import type { GpuGroupSettings, NodesSettings } from "../../../infra/nodes/args.ts";
import { nodesProblems } from "../../../infra/nodes/checks.ts";
import { claimedGroupProblems } from "../../../infra/nodes/sharing-checks.ts";
import { problemText } from "../../../infra/problems.ts";

const BOTTLEROCKET = "BOTTLEROCKET_x86_64_NVIDIA";
const COMMON = { capacity: "spot", min: 0, max: 4, diskGib: 100, maxUnavailable: 1, labels: {} } as const;
const GPU: GpuGroupSettings = {
  ...COMMON,
  instanceTypes: ["g6.xlarge", "g5.xlarge"],
  ami: "AL2023_x86_64_NVIDIA",
  sharing: { mode: "none" },
};
const NODES: NodesSettings = {
  autoscaler: "clusterAutoscaler",
  system: { ...COMMON, instanceTypes: ["m7i.large"], ami: "AL2023_x86_64_STANDARD", min: 2, diskGib: 40 },
  gpu: { small: GPU },
};

function found(gpu: Partial<GpuGroupSettings>, nodes: Partial<NodesSettings> = {}): string[] {
  return nodesProblems({ ...NODES, gpu: { small: { ...GPU, ...gpu } }, ...nodes }, "1.35").map(problemText);
}

const TYPES = "for gpu.small.instanceTypes but received";

const REFUSED: [name: string, changes: Partial<GpuGroupSettings>, messages: string[]][] = [
  [
    "an unknown type",
    { instanceTypes: ["g6.huge" as "g6.xlarge"] },
    [`Expected instance types of infra/nodes/instance-types.ts, at least one, ${TYPES} ["g6.huge"]`],
  ],
  [
    "no type",
    { instanceTypes: [] },
    [`Expected instance types of infra/nodes/instance-types.ts, at least one, ${TYPES} []`],
  ],
  [
    "an AMI type that EKS calls deprecated",
    { ami: "AL2_x86_64_GPU" as "AL2023_x86_64_NVIDIA" },
    [
      "Expected one of AL2023_x86_64_STANDARD, AL2023_ARM_64_STANDARD, AL2023_x86_64_NVIDIA, AL2023_ARM_64_NVIDIA, " +
        "BOTTLEROCKET_x86_64, BOTTLEROCKET_ARM_64, BOTTLEROCKET_x86_64_NVIDIA, BOTTLEROCKET_ARM_64_NVIDIA " +
        'for gpu.small.ami but received "AL2_x86_64_GPU"',
    ],
  ],
  [
    "a type twice",
    { instanceTypes: ["g6.xlarge", "g6.xlarge"] },
    [`Expected each type once ${TYPES} ["g6.xlarge","g6.xlarge"]`],
  ],
  [
    "types of two architectures, whose GPUs differ as well",
    { instanceTypes: ["g6.xlarge", "g5g.xlarge"] },
    [
      `Expected types of one architecture ${TYPES} ["g6.xlarge","g5g.xlarge"]`,
      `Expected types whose GPUs have equally much memory ${TYPES} ["g6.xlarge","g5g.xlarge"]`,
    ],
  ],
  [
    "types with different numbers of GPUs",
    { instanceTypes: ["g6.xlarge", "g6.12xlarge"] },
    [
      "Expected types with equally many GPUs, because the autoscaler knows one number of them for the group, " +
        `${TYPES} ["g6.xlarge","g6.12xlarge"]`,
    ],
  ],
  ["types without a GPU", { instanceTypes: ["m7i.large"] }, [`Expected types with a GPU ${TYPES} ["m7i.large"]`]],
  [
    "an AMI of another architecture",
    { ami: "AL2023_ARM_64_NVIDIA" },
    ['Expected an AMI for x86_64, as g6.xlarge needs it, for gpu.small.ami but received "AL2023_ARM_64_NVIDIA"'],
  ],
  [
    "an AMI without a driver",
    { ami: "AL2023_x86_64_STANDARD" },
    ['Expected an AMI with NVIDIA\'s driver (..._NVIDIA) for gpu.small.ami but received "AL2023_x86_64_STANDARD"'],
  ],
  [
    "a release of another Kubernetes",
    { releaseVersion: "1.34.7-20260512" },
    [
      "Expected a release of Amazon Linux for Kubernetes 1.35 (1.35.<patch>-<YYYYMMDD>) for gpu.small.releaseVersion " +
        'but received "1.34.7-20260512"',
    ],
  ],
  [
    "a release of another system",
    { ami: BOTTLEROCKET, releaseVersion: "1.35.7-20260903" },
    [
      "Expected a release of Bottlerocket (<major>.<minor>.<patch>-<8 hexadecimal digits>) for gpu.small.releaseVersion " +
        'but received "1.35.7-20260903"',
    ],
  ],
  ["a minimum above the maximum", { min: 5 }, ["Expected at most max (4) for gpu.small.min but received 5"]],
  [
    "a number of nodes out of bounds",
    { desired: 5 },
    ["Expected from min (0) to max (4) for gpu.small.desired but received 5"],
  ],
  [
    "a disk too small for the driver",
    { diskGib: 20 },
    ["Expected at least 30, for the driver and images with CUDA's libraries, for gpu.small.diskGib but received 20"],
  ],
  [
    "a label that is the program's own",
    { labels: { "nvidia.com/gpu.present": "false" } },
    [
      "Expected no such label, which the program sets itself, for gpu.small.labels.nvidia.com/gpu.present " +
        'but received "false"',
    ],
  ],
  [
    "a label too long for the autoscaler's tag",
    { labels: { [`example.com/${"a".repeat(71)}`]: "" } },
    [
      `Expected a key of at most 82 characters for gpu.small.labels.example.com/${"a".repeat(71)} ` +
        `but received "example.com/${"a".repeat(71)}"`,
    ],
  ],
  [
    "sharing by a Bottlerocket that cannot do it yet",
    { ami: BOTTLEROCKET, releaseVersion: "1.53.0-0be31b34", sharing: { mode: "mps", replicas: 2 } },
    [
      "Expected at least 1.54 of Bottlerocket, to share GPUs, for gpu.small.releaseVersion " +
        'but received "1.53.0-0be31b34"',
    ],
  ],
  [
    "a MIG profile for which Bottlerocket makes another",
    { ami: BOTTLEROCKET, instanceTypes: ["p5.4xlarge"], sharing: { mode: "mig", profile: "4g.40gb", instances: 1 } },
    [
      "Expected one of 1g.10gb, 1g.20gb, 2g.20gb, 3g.40gb, 7g.80gb for the H100 of p5.4xlarge " +
        'for gpu.small.sharing.profile but received "4g.40gb"',
    ],
  ],
  [
    "fewer MIG instances than Bottlerocket makes",
    { ami: BOTTLEROCKET, instanceTypes: ["p5.4xlarge"], sharing: { mode: "mig", profile: "1g.10gb", instances: 6 } },
    [
      "Expected 7 with Bottlerocket, which makes as many of 1g.10gb as a GPU holds, " +
        "for gpu.small.sharing.instances but received 6",
    ],
  ],
  [
    "MIG on a GPU that has none",
    { instanceTypes: ["g6.xlarge"], sharing: { mode: "mig", profile: "1g.10gb", instances: 2 } },
    [
      "Expected timeSlicing, mps or none for the L4 of g6.xlarge, because only A100, A100-80GB, H100, H200, B200 have MIG, " +
        'for gpu.small.sharing.mode but received "mig"',
    ],
  ],
  [
    "a MIG profile of another GPU",
    { instanceTypes: ["p5.4xlarge"], sharing: { mode: "mig", profile: "1g.5gb", instances: 7 } },
    [
      "Expected one of 1g.10gb, 1g.20gb, 2g.20gb, 3g.40gb, 4g.40gb, 7g.80gb for the H100 of p5.4xlarge " +
        'for gpu.small.sharing.profile but received "1g.5gb"',
    ],
  ],
  [
    "more MIG instances than fit",
    { instanceTypes: ["p4d.24xlarge"], sharing: { mode: "mig", profile: "3g.20gb", instances: 3 } },
    ["Expected at most 2 of 3g.20gb for gpu.small.sharing.instances but received 3"],
  ],
];

describe("nodesProblems", () => {
  it("finds none in a spot group of types with equal GPUs, nor in ARM, Bottlerocket and MIG where they fit", () => {
    assert.deepEqual(found({}), []);
    assert.deepEqual(found({ instanceTypes: ["g5g.xlarge"], ami: "AL2023_ARM_64_NVIDIA" }), []);
    assert.deepEqual(found({ ami: BOTTLEROCKET }), []);
    assert.deepEqual(found({ sharing: { mode: "timeSlicing", replicas: 4 } }), []);
    const mig = { mode: "mig", profile: "1g.5gb", instances: 7 } as const;
    assert.deepEqual(found({ instanceTypes: ["p4d.24xlarge"], sharing: mig, max: 1 }), []);
    // A GPU need not be used up where our own service cuts it.
    assert.deepEqual(found({ instanceTypes: ["p4d.24xlarge"], sharing: { ...mig, instances: 6 } }), []);
    for (const sharing of [mig, { mode: "mps", replicas: 2 }, { mode: "timeSlicing", replicas: 2 }] as const) {
      assert.deepEqual(found({ ami: BOTTLEROCKET, instanceTypes: ["p4d.24xlarge"], sharing }), [], sharing.mode);
    }
    // Two models of GPU of the same memory have the same profiles.
    const both: Partial<GpuGroupSettings> = { instanceTypes: ["p4de.24xlarge", "p5.48xlarge"] };
    assert.deepEqual(found({ ...both, sharing: { ...mig, profile: "1g.10gb" } }), []);
  });

  for (const [name, changes, messages] of REFUSED) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(found(changes), messages);
    });
  }

  it("says which release to name where none is pinned", () => {
    const problems = nodesProblems(NODES, "1.99").map(problemText);
    const expected = (path: string) =>
      `Expected a release of Amazon Linux for Kubernetes 1.99 (1.99.<patch>-<YYYYMMDD>) for ${path}.releaseVersion but received nothing`;
    assert.deepEqual(problems, [expected("system"), expected("gpu.small")]);
  });

  it("keeps GPUs and drivers out of the system group", () => {
    const system = { ...NODES.system, instanceTypes: ["g6.xlarge" as const], ami: "AL2023_x86_64_NVIDIA" as const };
    assert.deepEqual(found({}, { system }), [
      'Expected types without a GPU, which belong into a group of nodes.gpu, for system.instanceTypes but received ["g6.xlarge"]',
      'Expected an AMI without NVIDIA\'s driver for system.ami but received "AL2023_x86_64_NVIDIA"',
    ]);
  });

  it("keeps names within AWS's limit, and those of groups apart", () => {
    const long = "a".repeat(56);
    assert.deepEqual(found({}, { gpu: { [long]: GPU, ["a".repeat(55)]: GPU } }), [
      `Expected a name of at most 55 characters for gpu.${long} but received "${long}"`,
    ]);
    assert.deepEqual(found({}, { gpu: { system: GPU } }), [
      'Expected another name than that of the system group for gpu.system but received "system"',
    ]);
  });

  it("gives Karpenter two system nodes", () => {
    const one = { autoscaler: "karpenter", system: { ...NODES.system, min: 1 } } as const;
    assert.deepEqual(found({}, one), [
      "Expected at least 2, because Karpenter's two pods never share a node, for system.min but received 1",
    ]);
    assert.deepEqual(found({}, { system: one.system }), []);
  });
});

describe("claimedGroupProblems", () => {
  it("keeps claims (dra) to whole GPUs that no device plugin gives away, too", () => {
    const shared: GpuGroupSettings = { ...GPU, ami: BOTTLEROCKET, sharing: { mode: "mps", replicas: 2 } };
    assert.deepEqual(claimedGroupProblems({ small: GPU, shared }, "dra").map(problemText), [
      'Expected none where pods claim GPUs (dra), which are whole ones, for nodes.gpu.shared.sharing.mode but received "mps"',
      "Expected one of Amazon Linux where pods claim GPUs (dra): Bottlerocket's own device plugin would give the same ones away, " +
        'for nodes.gpu.shared.ami but received "BOTTLEROCKET_x86_64_NVIDIA"',
    ]);
    assert.deepEqual(claimedGroupProblems({ small: GPU, shared }, "devicePlugin"), []);
  });
});

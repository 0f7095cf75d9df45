import assert from "node:assert/strict";
import { userData } from "../../../infra/nodes/user-data.ts";
import { amiAlias, nodeClassSpec, nodeOverlaySpec, nodePoolSpec } from "../../../infra/scaling/node-pool.ts";
import { POOL, SETTINGS } from "./fixture.ts";

const CONTEXT = {
  instanceProfile: "karpenter-nodes",
  subnetIds: ["subnet-b", "subnet-c"],
  securityGroupId: "sg-1",
  release: "1.35.7-20260903",
  tags: { project: "yolo" },
};

function pool(changes: Partial<typeof POOL> = {}, settings = SETTINGS.karpenter) {
  return nodePoolSpec("small", { ...POOL, ...changes }, POOL.zones, settings);
}

describe("A NodePool", () => {
  it("is exactly this", () => {
    assert.deepEqual(pool(), {
      template: {
        metadata: {
          labels: {
            team: "vision",
            "yolo/pool": "small",
            "nvidia.com/gpu.present": "true",
            "k8s.amazonaws.com/accelerator": "nvidia-a10g_nvidia-l4",
            "nvidia.com/device-plugin.config": "time-slicing-4",
          },
        },
        spec: {
          nodeClassRef: { group: "karpenter.k8s.aws", kind: "EC2NodeClass", name: "small" },
          taints: [{ key: "nvidia.com/gpu", value: "true", effect: "NoSchedule" }],
          requirements: [
            { key: "node.kubernetes.io/instance-type", operator: "In", values: ["g6.12xlarge", "g5.12xlarge"] },
            { key: "karpenter.sh/capacity-type", operator: "In", values: ["spot"] },
            { key: "topology.kubernetes.io/zone", operator: "In", values: ["eu-central-1b", "eu-central-1c"] },
            { key: "kubernetes.io/arch", operator: "In", values: ["amd64"] },
            { key: "kubernetes.io/os", operator: "In", values: ["linux"] },
          ],
          expireAfter: "240h",
          terminationGracePeriod: "30m",
        },
      },
      disruption: {
        consolidationPolicy: "WhenEmptyOrUnderutilized",
        consolidateAfter: "6m",
        budgets: [{ nodes: "2" }],
      },
      // Three nodes of four GPUs that four pods share.
      limits: { nodes: "3", "nvidia.com/gpu": "48" },
    });
  });

  it("takes paid instances, ARM machines and whole GPUs as they are configured", () => {
    const { template, limits } = pool({
      instanceTypes: ["g5g.xlarge"],
      ami: "AL2023_ARM_64_NVIDIA",
      capacity: "onDemand",
      sharing: { mode: "none" },
    });
    const values = Object.fromEntries(template.spec.requirements.map(({ key, values }) => [key, values]));
    assert.deepEqual(values["karpenter.sh/capacity-type"], ["on-demand"]);
    assert.deepEqual(values["kubernetes.io/arch"], ["arm64"]);
    assert.deepEqual(limits, { nodes: "3", "nvidia.com/gpu": "3" });
  });

  it("can be told to end empty nodes only", () => {
    const settings = { ...SETTINGS.karpenter, consolidation: { when: "empty", afterMinutes: 6 } } as const;
    assert.equal(pool({}, settings).disruption.consolidationPolicy, "WhenEmpty");
  });

  it("has labels in domains that Karpenter allows only", () => {
    // Rules of the CRD: https://github.com/aws/karpenter-provider-aws/blob/main/pkg/apis/crds/karpenter.sh_nodepools.yaml
    for (const label of Object.keys(pool().template.metadata.labels)) {
      assert.doesNotMatch(label, /(?:^|\.)(?:kubernetes\.io|k8s\.io|karpenter\.sh|karpenter\.k8s\.aws)\//);
    }
  });
});

describe("An EC2NodeClass", () => {
  it("is exactly this", () => {
    assert.deepEqual(nodeClassSpec(POOL, CONTEXT), {
      amiSelectorTerms: [{ alias: "al2023@v20260903" }],
      instanceProfile: "karpenter-nodes",
      subnetSelectorTerms: [{ id: "subnet-b" }, { id: "subnet-c" }],
      securityGroupSelectorTerms: [{ id: "sg-1" }],
      associatePublicIPAddress: false,
      metadataOptions: {
        httpEndpoint: "enabled",
        httpProtocolIPv6: "disabled",
        httpPutResponseHopLimit: 1,
        httpTokens: "required",
      },
      blockDeviceMappings: [
        {
          deviceName: "/dev/xvda",
          ebs: { volumeSize: "100Gi", volumeType: "gp3", encrypted: true, deleteOnTermination: true },
        },
      ],
      tags: { project: "yolo" },
    });
  });

  it("gives Bottlerocket its two disks, both encrypted", () => {
    const group = { ...POOL, ami: "BOTTLEROCKET_x86_64_NVIDIA" } as const;
    const spec = nodeClassSpec(group, { ...CONTEXT, release: "1.65.0-0be31b34" });
    assert.deepEqual(spec.amiSelectorTerms, [{ alias: "bottlerocket@v1.65.0" }]);
    const disks = spec.blockDeviceMappings.map(({ deviceName, ebs }) => [deviceName, ebs.volumeSize, ebs.encrypted]);
    assert.deepEqual(disks, [
      ["/dev/xvda", "4Gi", true],
      ["/dev/xvdb", "100Gi", true],
    ]);
  });

  it("tells machines how to share their GPUs as node groups do", () => {
    const sharing = { mode: "mig", profile: "1g.10gb", instances: 7 } as const;
    for (const ami of ["AL2023_x86_64_NVIDIA", "BOTTLEROCKET_x86_64_NVIDIA"] as const) {
      const group = { ...POOL, ami, instanceTypes: ["p5.48xlarge" as const], sharing };
      assert.ok(userData(group));
      assert.equal(nodeClassSpec(group, CONTEXT).userData, userData(group));
      assert.equal(nodeOverlaySpec("small", group)?.capacity["nvidia.com/gpu"], "56");
    }
  });

  it("names one release of an AMI, never the newest", () => {
    assert.equal(amiAlias("AL2023_ARM_64_NVIDIA", "1.36.3-20261023"), "al2023@v20261023");
    assert.equal(amiAlias("BOTTLEROCKET_ARM_64_NVIDIA", "1.67.0-0be31b34"), "bottlerocket@v1.67.0");
  });
});

describe("A NodeOverlay", () => {
  it("tells Karpenter into how many shares each node's GPUs are divided, in this pool only", () => {
    assert.deepEqual(nodeOverlaySpec("small", POOL), {
      requirements: [{ key: "karpenter.sh/nodepool", operator: "In", values: ["small"] }],
      capacity: { "nvidia.com/gpu": "16" },
    });
    const mig = { mode: "mig", profile: "1g.5gb", instances: 7 } as const;
    assert.equal(
      nodeOverlaySpec("large", { ...POOL, instanceTypes: ["p4d.24xlarge"], sharing: mig })?.capacity["nvidia.com/gpu"],
      "56",
    );
  });

  it("is not needed where pods have whole GPUs", () => {
    assert.equal(nodeOverlaySpec("small", { ...POOL, sharing: { mode: "none" } }), undefined);
  });
});

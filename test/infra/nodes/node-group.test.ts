import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { NodeGroup } from "../../../infra/nodes/node-group.ts";
import { find, outputValue, type Recording, settle } from "../../support/pulumi.ts";
import { build, GPU_ARGS, installNodeMocks, SYSTEM_ARGS } from "./fixture.ts";

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:NodeGroup::small";
const NODE_GROUP = "aws:eks/nodeGroup:NodeGroup";
const LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
const TAG = "aws:autoscaling/tag:Tag";

function tags(recording: Recording): Record<string, string> {
  const all = recording.resources.filter(({ type }) => type === TAG).map(({ inputs }) => inputs.tag);
  return Object.fromEntries((all as { key: string; value: string }[]).map(({ key, value }) => [key, value]));
}

describe("NodeGroup with GPUs", () => {
  let group: NodeGroup;
  let recording: Recording;

  before(async () => {
    ({ group, recording } = await build("small", GPU_ARGS));
  });

  it("is the parent of all that it makes, and a child of its own parent", () => {
    assert.equal(find(recording, "yolo:infra:NodeGroup", "small").urn, COMPONENT);
    const children = recording.resources.filter(({ type }) => type.startsWith("aws:"));
    assert.deepEqual([...new Set(children.map(({ type }) => type))].sort(), [TAG, LAUNCH_TEMPLATE, NODE_GROUP].sort());
    for (const { parent, name } of children) assert.equal(parent, COMPONENT, name);
  });

  it("asks EKS for exactly this group", () => {
    assert.deepEqual(find(recording, NODE_GROUP, "small").inputs, {
      clusterName: "yolo-test",
      nodeRoleArn: "arn:aws:iam::111111111111:role/nodes",
      subnetIds: ["subnet-b", "subnet-c"],
      amiType: "AL2023_x86_64_NVIDIA",
      version: "1.35",
      releaseVersion: "1.35.7-20260903",
      instanceTypes: ["g6.12xlarge", "g5.12xlarge"],
      capacityType: "SPOT",
      launchTemplate: { id: "small-id", version: "7" },
      scalingConfig: { minSize: 0, maxSize: 3, desiredSize: 0 },
      updateConfig: { maxUnavailable: 1 },
      nodeRepairConfig: { enabled: true },
      labels: {
        team: "vision",
        "yolo/pool": "small",
        "nvidia.com/gpu.present": "true",
        "k8s.amazonaws.com/accelerator": "nvidia-a10g_nvidia-l4",
        "nvidia.com/device-plugin.config": "time-slicing-4",
      },
      taints: [{ key: "nvidia.com/gpu", value: "true", effect: "NO_SCHEDULE" }],
      tags: { project: "yolo" },
    });
  });

  it("leaves the number of nodes to the autoscaler, and naming the group to Pulumi", () => {
    const { ignoreChanges, inputs } = find(recording, NODE_GROUP, "small");
    assert.deepEqual(ignoreChanges, ["scalingConfig.desiredSize"]);
    assert.ok(!("nodeGroupName" in inputs) && !("nodeGroupNamePrefix" in inputs));
  });

  it("starts instances with encrypted disks and without credentials for pods, of an image that EKS chooses", () => {
    const instanceTags = { project: "yolo", Name: "yolo-test-small" };
    assert.deepEqual(find(recording, LAUNCH_TEMPLATE, "small").inputs, {
      updateDefaultVersion: true,
      blockDeviceMappings: [
        {
          deviceName: "/dev/xvda",
          ebs: { volumeType: "gp3", encrypted: "true", deleteOnTermination: "true", volumeSize: 100 },
        },
      ],
      metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
      monitoring: { enabled: false },
      tagSpecifications: [
        { resourceType: "instance", tags: instanceTags },
        { resourceType: "volume", tags: instanceTags },
        { resourceType: "network-interface", tags: instanceTags },
      ],
      tags: { project: "yolo" },
    });
  });

  it("tells the autoscaler by tags of the Auto Scaling group what a node will be, in shares of GPUs", () => {
    const prefix = "k8s.io/cluster-autoscaler";
    const template = `${prefix}/node-template`;
    assert.deepEqual(tags(recording), {
      [`${prefix}/enabled`]: "true",
      [`${prefix}/yolo-test`]: "owned",
      [`${template}/label/team`]: "vision",
      [`${template}/label/yolo/pool`]: "small",
      [`${template}/label/nvidia.com/gpu.present`]: "true",
      [`${template}/label/k8s.amazonaws.com/accelerator`]: "nvidia-a10g_nvidia-l4",
      [`${template}/label/nvidia.com/device-plugin.config`]: "time-slicing-4",
      [`${template}/resources/ephemeral-storage`]: "100Gi",
      [`${template}/taint/nvidia.com/gpu`]: "true:NoSchedule",
      [`${template}/resources/nvidia.com/gpu`]: "16",
    });
    for (const { inputs } of recording.resources.filter(({ type }) => type === TAG)) {
      assert.equal(inputs.autoscalingGroupName, "eks-small");
      assert.equal((inputs.tag as { propagateAtLaunch: boolean }).propagateAtLaunch, false);
    }
  });

  it("registers the outputs that it offers", async () => {
    const expected = {
      nodeGroupName: "small-0123456",
      autoscalingGroupName: "eks-small",
      roleArn: "arn:aws:iam::111111111111:role/nodes",
    };
    assert.deepEqual(recording.outputs.get(COMPONENT), expected);
    const { nodeGroupName, autoscalingGroupName, roleArn } = group;
    assert.deepEqual(await outputValue(pulumi.output({ nodeGroupName, autoscalingGroupName, roleArn })), expected);
  });
});

describe("NodeGroup with other arguments", () => {
  it("has neither taint nor GPU labels without GPUs, and spans all zones", async () => {
    const { recording } = await build("system", SYSTEM_ARGS);
    const { inputs } = find(recording, NODE_GROUP, "system");
    assert.ok(!("taints" in inputs));
    assert.deepEqual(inputs.labels, { "yolo/pool": "system" });
    assert.deepEqual(inputs.subnetIds, ["subnet-a", "subnet-b", "subnet-c"]);
    assert.deepEqual(inputs.scalingConfig, { minSize: 2, maxSize: 4, desiredSize: 2 });
    assert.equal(inputs.capacityType, "ON_DEMAND");
    assert.equal(tags(recording)["k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu"], undefined);
  });

  it("sets the number of nodes where the configuration names one", async () => {
    const { recording } = await build("small", { ...GPU_ARGS, min: 1, desired: 2 });
    const { inputs, ignoreChanges } = find(recording, NODE_GROUP, "small");
    assert.deepEqual(inputs.scalingConfig, { minSize: 1, maxSize: 3, desiredSize: 2 });
    assert.deepEqual(ignoreChanges, []);
  });

  it("has no tags for an autoscaler that does not scale it, and the number of nodes of its arguments", async () => {
    const { recording } = await build("system", { ...SYSTEM_ARGS, clusterAutoscaler: false });
    assert.deepEqual(tags(recording), {});
    assert.deepEqual(find(recording, NODE_GROUP, "system").ignoreChanges, []);
  });

  it("gives Bottlerocket's second disk the size, encrypts both, and marks its own device plugin", async () => {
    const { recording } = await build("small", {
      ...GPU_ARGS,
      ami: "BOTTLEROCKET_x86_64_NVIDIA",
      sharing: { mode: "none" },
      kmsKeyArn: "arn:aws:kms:eu-central-1:111111111111:key/1",
      detailedMonitoring: true,
    });
    const ebs = {
      volumeType: "gp3",
      encrypted: "true",
      deleteOnTermination: "true",
      kmsKeyId: "arn:aws:kms:eu-central-1:111111111111:key/1",
    };
    const { inputs } = find(recording, LAUNCH_TEMPLATE, "small");
    assert.deepEqual(inputs.blockDeviceMappings, [
      { deviceName: "/dev/xvda", ebs },
      { deviceName: "/dev/xvdb", ebs: { ...ebs, volumeSize: 100 } },
    ]);
    assert.deepEqual(inputs.monitoring, { enabled: true });
    const node = find(recording, NODE_GROUP, "small").inputs;
    assert.equal((node.labels as Record<string, string>)["yolo/device-plugin"], "built-in");
    assert.equal(node.releaseVersion, "1.65.0-0be31b34");
    assert.equal(tags(recording)["k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu"], "4");
  });

  for (const [ami, sharing, gpus, told] of [
    ["AL2023_x86_64_NVIDIA", { mode: "mig", profile: "1g.10gb", instances: 6 }, "48", /yolo-mig 1g\.10gb 6/],
    [
      "BOTTLEROCKET_x86_64_NVIDIA",
      { mode: "mig", profile: "2g.20gb", instances: 3 },
      "24",
      /"h100\.80gb" = "2g\.20gb"/,
    ],
    ["BOTTLEROCKET_x86_64_NVIDIA", { mode: "timeSlicing", replicas: 4 }, "32", /replicas = 4/],
    ["BOTTLEROCKET_x86_64_NVIDIA", { mode: "mps", replicas: 2 }, "16", /replicas = 2/],
  ] as const) {
    it(`tells the machine and the autoscaler the same of ${sharing.mode} (${ami})`, async () => {
      const { recording } = await build("small", { ...GPU_ARGS, instanceTypes: ["p5.48xlarge"], ami, sharing });
      const { userData = "" } = find(recording, LAUNCH_TEMPLATE, "small").inputs;
      assert.match(Buffer.from(String(userData), "base64").toString(), told);
      assert.equal(tags(recording)["k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu"], gpus);
      // With an image of its own EKS would add nothing to the user data, and no node would join.
      assert.ok(!("imageId" in find(recording, LAUNCH_TEMPLATE, "small").inputs));
      assert.equal(find(recording, NODE_GROUP, "small").inputs.amiType, ami);
    });
  }

  it("throws one error with every problem, tied to the component, before it makes anything", async () => {
    const recording = await installNodeMocks();
    assert.throws(
      () => new NodeGroup("small", { ...GPU_ARGS, min: 4, ami: "AL2023_x86_64_STANDARD", zones: ["eu-central-1d"] }),
      (error: unknown) => {
        assert.ok(pulumi.ResourceError.isInstance(error));
        assert.equal(error.hideStack, true);
        assert.equal(
          error.message,
          'Expected an AMI with NVIDIA\'s driver (..._NVIDIA) for ami but received "AL2023_x86_64_STANDARD"\n' +
            "Expected at most max (3) for min but received 4\n" +
            "Expected subnets in a zone that offers g6.12xlarge and g5.12xlarge (eu-central-1d) for subnets but received " +
            '["eu-central-1a","eu-central-1b","eu-central-1c"]',
        );
        return true;
      },
    );
    await settle();
    assert.deepEqual(
      recording.resources.map(({ type }) => type),
      ["yolo:infra:NodeGroup"],
    );
  });
});

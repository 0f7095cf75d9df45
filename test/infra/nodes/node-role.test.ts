import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { NodeRole, type NodeRoleArgs } from "../../../infra/nodes/node-role.ts";
import { find, installMocks, outputValue, type Recording, settle } from "../../support/pulumi.ts";

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:NodeRole::nodes";
const ARN = "arn:aws:iam::111111111111:role/nodes-0123456";

async function build(args?: NodeRoleArgs): Promise<{ role: NodeRole; recording: Recording }> {
  const recording = await installMocks({
    states: { "aws:iam/role:Role": () => ({ arn: ARN, name: "nodes-0123456" }) },
  });
  const role = new NodeRole("nodes", args, { parent: new pulumi.ComponentResource("test:Parent", "parent") });
  await settle();
  return { role, recording };
}

function attached(recording: Recording): unknown[] {
  const attachments = recording.resources.filter(({ type }) => type.endsWith(":RolePolicyAttachment"));
  for (const { inputs, parent } of attachments) {
    assert.equal(inputs.role, "nodes-0123456");
    assert.equal(parent, COMPONENT);
  }
  return attachments.map(({ inputs }) => inputs.policyArn).sort();
}

describe("NodeRole", () => {
  it("lets instances of EC2 take it, and nobody else", async () => {
    const { recording } = await build();
    const policy = find(recording, "aws:iam/role:Role", "nodes").inputs.assumeRolePolicy;
    assert.deepEqual(typeof policy === "string" ? JSON.parse(policy) : policy, {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
    });
  });

  it("may join the cluster, give pods addresses and pull images", async () => {
    const { recording } = await build({});
    assert.deepEqual(attached(recording), [
      "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
      "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
      "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
    ]);
  });

  it("opens sessions through Systems Manager where that is asked for", async () => {
    const { recording } = await build({ ssm: true });
    assert.ok(attached(recording).includes("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"));
  });

  it("registers the outputs that it offers", async () => {
    const { role, recording } = await build();
    const expected = { arn: ARN, name: "nodes-0123456" };
    assert.deepEqual(recording.outputs.get(COMPONENT), expected);
    assert.deepEqual(await outputValue(pulumi.output({ arn: role.arn, name: role.name })), expected);
  });
});

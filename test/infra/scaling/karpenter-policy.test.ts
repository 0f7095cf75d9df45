import assert from "node:assert/strict";
import { karpenterPolicy } from "../../../infra/scaling/karpenter-policy.ts";
import { statements } from "./fixture.ts";

const NODE_ROLE = "arn:aws:iam::111111111111:role/karpenter-nodes";
const QUEUE = "arn:aws:sqs:eu-central-1:111111111111:karpenter";
const policy = karpenterPolicy({
  clusterName: "yolo-test",
  region: "eu-central-1",
  accountId: "111111111111",
  partition: "aws",
  nodeRoleArn: NODE_ROLE,
  queueArn: QUEUE,
});
const all = statements(policy);

/** Conditions that hold for what bears the cluster's tags. */
const OWN = {
  StringEquals: { "aws:ResourceTag/kubernetes.io/cluster/yolo-test": "owned" },
  StringLike: { "aws:ResourceTag/karpenter.sh/nodepool": "*" },
};
const REQUESTED = {
  "aws:RequestTag/kubernetes.io/cluster/yolo-test": "owned",
  "aws:RequestTag/eks:eks-cluster-name": "yolo-test",
};

/** Actions that read, which IAM cannot limit to resources for most. */
const READS = /^(?:ec2:Describe|ssm:Get|pricing:Get|iam:(?:Get|List)|eks:Describe)/;

function actions({ Action }: Record<string, unknown>): string[] {
  return [Action].flat() as string[];
}

describe("Karpenter's policy", () => {
  it("ends instances and deletes launch templates of its cluster only", () => {
    assert.deepEqual(all.DeleteOwn, {
      Effect: "Allow",
      Action: ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"],
      Resource: ["instance", "launch-template"].map((kind) => `arn:aws:ec2:eu-central-1:*:${kind}/*`),
      Condition: OWN,
    });
  });

  it("starts instances only with the cluster's tags, and from its own launch templates", () => {
    assert.deepEqual(all.LaunchTagged?.Condition, {
      StringEquals: REQUESTED,
      StringLike: { "aws:RequestTag/karpenter.sh/nodepool": "*" },
    });
    assert.deepEqual(all.LaunchFromOwnTemplates?.Condition, OWN);
    for (const resource of [all.LaunchFrom?.Resource].flat() as string[]) {
      assert.match(resource, /:(?:image|snapshot|security-group|subnet|capacity-reservation|placement-group)\/\*$/);
    }
  });

  it("tags what it starts while it starts it, and later only a few tags of its own instances", () => {
    assert.deepEqual(all.TagAtLaunch?.Condition, {
      StringEquals: { ...REQUESTED, "ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"] },
      StringLike: { "aws:RequestTag/karpenter.sh/nodepool": "*" },
    });
    assert.deepEqual(all.TagOwnInstances?.Condition, {
      ...OWN,
      StringEqualsIfExists: { "aws:RequestTag/eks:eks-cluster-name": "yolo-test" },
      "ForAllValues:StringEquals": { "aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"] },
    });
  });

  it("gives the one role of its nodes, to EC2 only", () => {
    assert.deepEqual(all.GiveNodesTheirRole, {
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: NODE_ROLE,
      Condition: { StringEquals: { "iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"] } },
    });
  });

  it("reads its own queue and its own cluster", () => {
    assert.equal(all.HearOfInterruptions?.Resource, QUEUE);
    assert.equal(all.ReadCluster?.Resource, "arn:aws:eks:eu-central-1:111111111111:cluster/yolo-test");
  });

  it("makes no instance profiles, roles or policies", () => {
    for (const statement of Object.values(all)) {
      for (const action of actions(statement)) assert.doesNotMatch(action, /^iam:(?!PassRole|Get|List)/);
    }
  });

  it("changes nothing without a resource or a condition that limits it", () => {
    for (const [name, statement] of Object.entries(all)) {
      assert.ok(!actions(statement).includes("*"), name);
      if (statement.Resource === "*") for (const action of actions(statement)) assert.match(action, READS, name);
    }
  });

  it("fits what IAM allows within a role", () => {
    // Of all policies within a role together: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    const longest = karpenterPolicy({
      clusterName: "x".repeat(100),
      region: "ap-southeast-4",
      accountId: "111111111111",
      partition: "aws-us-gov",
      nodeRoleArn: `arn:aws-us-gov:iam::111111111111:role/${"x".repeat(64)}`,
      queueArn: `arn:aws-us-gov:sqs:ap-southeast-4:111111111111:${"x".repeat(80)}`,
    });
    assert.ok(JSON.stringify(longest).length < 10_240);
  });
});

import type * as aws from "@pulumi/aws";
import type { PolicyScope } from "./cluster-autoscaler-policy.ts";

/** What Karpenter's policy is about, besides the cluster. */
export interface KarpenterPolicyScope extends PolicyScope {
  /** Role of the nodes that it starts. */
  nodeRoleArn: string;
  /** Queue that tells it of interruptions. */
  queueArn: string;
}

/**
 * What Karpenter's controller does. It is the policy that Karpenter documents for its release, which lets it change only what
 * bears the cluster's tags, without what it needs for making instance profiles and for zonal shifts: it is given a profile.
 * Source: https://karpenter.sh/v1.14/reference/cloudformation/#controller-authorization
 */
export function karpenterPolicy(scope: KarpenterPolicyScope): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [...launchStatements(scope), ...changeStatements(scope), ...readStatements(scope)],
  };
}

/** Tags that Karpenter puts on everything it makes, as a request or a resource must have them. */
function ownTags({ clusterName }: PolicyScope, of: "Request" | "Resource") {
  return {
    StringEquals: {
      [`aws:${of}Tag/kubernetes.io/cluster/${clusterName}`]: "owned",
      ...(of === "Request" && { "aws:RequestTag/eks:eks-cluster-name": clusterName }),
    },
    StringLike: { [`aws:${of}Tag/karpenter.sh/nodepool`]: "*" },
  };
}

function ec2({ partition, region }: PolicyScope, kinds: readonly string[], account = "*"): string[] {
  return kinds.map((kind) => `arn:${partition}:ec2:${region}:${account}:${kind}/*`);
}

/** Everything that starting an instance makes. */
const MADE = ["fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request"];

function launchStatements(scope: KarpenterPolicyScope): aws.iam.PolicyStatement[] {
  const { StringEquals, StringLike } = ownTags(scope, "Request");
  return [
    {
      Sid: "LaunchFrom",
      Effect: "Allow",
      Action: ["ec2:RunInstances", "ec2:CreateFleet"],
      Resource: [
        // Images and snapshots are of no account.
        ...ec2(scope, ["image", "snapshot"], ""),
        ...ec2(scope, ["security-group", "subnet", "capacity-reservation", "placement-group"]),
      ],
    },
    {
      Sid: "LaunchFromOwnTemplates",
      Effect: "Allow",
      Action: ["ec2:RunInstances", "ec2:CreateFleet"],
      Resource: ec2(scope, ["launch-template"]),
      Condition: ownTags(scope, "Resource"),
    },
    {
      Sid: "LaunchTagged",
      Effect: "Allow",
      Action: ["ec2:RunInstances", "ec2:CreateFleet", "ec2:CreateLaunchTemplate"],
      Resource: ec2(scope, MADE),
      Condition: { StringEquals, StringLike },
    },
    {
      Sid: "TagAtLaunch",
      Effect: "Allow",
      Action: "ec2:CreateTags",
      Resource: ec2(scope, MADE),
      Condition: {
        StringEquals: {
          ...StringEquals,
          "ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"],
        },
        StringLike,
      },
    },
    {
      Sid: "GiveNodesTheirRole",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: scope.nodeRoleArn,
      Condition: { StringEquals: { "iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"] } },
    },
  ];
}

function changeStatements(scope: KarpenterPolicyScope): aws.iam.PolicyStatement[] {
  return [
    {
      Sid: "TagOwnInstances",
      Effect: "Allow",
      Action: "ec2:CreateTags",
      Resource: ec2(scope, ["instance"]),
      Condition: {
        ...ownTags(scope, "Resource"),
        StringEqualsIfExists: { "aws:RequestTag/eks:eks-cluster-name": scope.clusterName },
        "ForAllValues:StringEquals": { "aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"] },
      },
    },
    {
      Sid: "DeleteOwn",
      Effect: "Allow",
      Action: ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"],
      Resource: ec2(scope, ["instance", "launch-template"]),
      Condition: ownTags(scope, "Resource"),
    },
    {
      Sid: "HearOfInterruptions",
      Effect: "Allow",
      Action: ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"],
      Resource: scope.queueArn,
    },
  ];
}

function readStatements(scope: KarpenterPolicyScope): aws.iam.PolicyStatement[] {
  const { partition, region, accountId, clusterName } = scope;
  return [
    {
      Sid: "ReadRegion",
      Effect: "Allow",
      Action: [
        "ec2:DescribeCapacityReservations",
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstanceTypeOfferings",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribePlacementGroups",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSpotPriceHistory",
        "ec2:DescribeSubnets",
      ],
      // None of these actions can be limited to resources.
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": region } },
    },
    {
      Sid: "ReadImages",
      Effect: "Allow",
      Action: "ssm:GetParameter",
      Resource: `arn:${partition}:ssm:${region}::parameter/aws/service/*`,
    },
    { Sid: "ReadPrices", Effect: "Allow", Action: "pricing:GetProducts", Resource: "*" },
    { Sid: "ListInstanceProfiles", Effect: "Allow", Action: "iam:ListInstanceProfiles", Resource: "*" },
    {
      Sid: "ReadInstanceProfiles",
      Effect: "Allow",
      Action: "iam:GetInstanceProfile",
      Resource: `arn:${partition}:iam::${accountId}:instance-profile/*`,
    },
    {
      Sid: "ReadCluster",
      Effect: "Allow",
      Action: "eks:DescribeCluster",
      Resource: `arn:${partition}:eks:${region}:${accountId}:cluster/${clusterName}`,
    },
  ];
}

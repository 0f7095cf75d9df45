import type * as aws from "@pulumi/aws";
import { type PipelineScope, stateStatements } from "./scope.ts";

/** Reads of how things are configured, and of nothing that lies in them: no object, secret, parameter, log or message. */
const READS = [
  "autoscaling:Describe*",
  "ec2:Describe*",
  "ec2:Get*Settings",
  "ecr:DescribeRepositories",
  "ecr:GetLifecyclePolicy",
  "ecr:GetRepositoryPolicy",
  "ecr:ListTagsForResource",
  "eks:Describe*",
  "eks:List*",
  "elasticfilesystem:Describe*",
  "elasticfilesystem:ListTagsForResource",
  "events:DescribeRule",
  "events:ListTagsForResource",
  "events:ListTargetsByRule",
  "kms:DescribeKey",
  "kms:GetKeyPolicy",
  "kms:GetKeyRotationStatus",
  "kms:ListAliases",
  "kms:ListResourceTags",
  "logs:DescribeLogGroups",
  "logs:ListTagsForResource",
  "s3:GetAccelerateConfiguration",
  "s3:GetBucket*",
  "s3:GetEncryptionConfiguration",
  "s3:GetLifecycleConfiguration",
  "s3:GetReplicationConfiguration",
  "s3:ListBucket",
  "sqs:GetQueueAttributes",
  "sqs:ListQueueTags",
  "wafv2:GetWebACL",
  "wafv2:ListTagsForResource",
];

/** Reads of services without regions. */
const GLOBAL_READS = [
  "budgets:ListTagsForResource",
  "budgets:ViewBudget",
  "iam:GetInstanceProfile",
  "iam:GetOpenIDConnectProvider",
  "iam:GetPolicy",
  "iam:GetPolicyVersion",
  "iam:GetRole",
  "iam:GetRolePolicy",
  "iam:ListAttachedRolePolicies",
  "iam:ListInstanceProfilesForRole",
  "iam:ListPolicyVersions",
  "iam:ListRolePolicies",
  "iam:ListRoleTags",
];

/** What a preview reads: the stack's state, the region's zones and types, and with `--refresh` how everything is configured. */
export function readStatements({ region }: PipelineScope): aws.iam.PolicyStatement[] {
  return [
    {
      Sid: "ReadRegion",
      Effect: "Allow",
      Action: [...READS],
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": region } },
    },
    { Sid: "ReadGlobal", Effect: "Allow", Action: [...GLOBAL_READS], Resource: "*" },
  ];
}

/** Lets a preview run: nothing but a lock in the stack's state is ever changed. */
export function previewPolicy(scope: PipelineScope): aws.iam.PolicyDocument {
  return { Version: "2012-10-17", Statement: [...readStatements(scope), ...stateStatements(scope, "preview")] };
}

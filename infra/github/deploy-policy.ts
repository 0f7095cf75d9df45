import type * as aws from "@pulumi/aws";
import { readStatements } from "./preview-policy.ts";
import { boundaryArn, type PipelineScope, roleArns, rolePath, stateStatements } from "./scope.ts";

/** Changes of EC2 that a VPC, its security groups and launch templates need; instances are started to check these. */
const EC2_CHANGES = [
  "ec2:AllocateAddress",
  "ec2:Associate*",
  "ec2:AttachInternetGateway",
  "ec2:AuthorizeSecurityGroup*",
  "ec2:CreateFlowLogs",
  "ec2:CreateInternetGateway",
  "ec2:CreateLaunchTemplate*",
  "ec2:CreateNatGateway",
  "ec2:CreateRoute*",
  "ec2:CreateSecurityGroup",
  "ec2:CreateSubnet",
  "ec2:CreateTags",
  "ec2:CreateVpc*",
  "ec2:DeleteFlowLogs",
  "ec2:DeleteInternetGateway",
  "ec2:DeleteLaunchTemplate*",
  "ec2:DeleteNatGateway",
  "ec2:DeleteRoute*",
  "ec2:DeleteSecurityGroup",
  "ec2:DeleteSubnet",
  "ec2:DeleteTags",
  "ec2:DeleteVpc*",
  "ec2:DetachInternetGateway",
  "ec2:Disassociate*",
  "ec2:ModifyLaunchTemplate",
  "ec2:ModifySecurityGroupRules",
  "ec2:ModifySubnetAttribute",
  "ec2:ModifyVpc*",
  "ec2:ReleaseAddress",
  "ec2:ReplaceRoute*",
  "ec2:RevokeSecurityGroup*",
  "ec2:RunInstances",
];

/** Services that take the roles which the stack makes. */
const PASSED_TO = ["ec2.amazonaws.com", "eks.amazonaws.com", "pods.eks.amazonaws.com", "vpc-flow-logs.amazonaws.com"];

/** Services whose own roles an account gets with the first thing of each. */
const LINKED_SERVICES = [
  "autoscaling.amazonaws.com",
  "eks.amazonaws.com",
  "eks-nodegroup.amazonaws.com",
  "elasticfilesystem.amazonaws.com",
  "elasticloadbalancing.amazonaws.com",
  "spot.amazonaws.com",
];

/**
 * Lets a deployment make, change and delete what the stack consists of, in its region. It may make roles only below the path of
 * the stack and within the boundary, so that it cannot give itself, or anybody, rights that it has not.
 */
export function deployPolicy(scope: PipelineScope): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      ...readStatements(scope),
      ...stateStatements(scope, "deploy"),
      ...regionStatements(scope),
      ...namedStatements(scope),
      ...roleStatements(scope),
    ],
  };
}

/** Things whose names or tags are not known before they exist. */
function regionStatements({ region }: PipelineScope): aws.iam.PolicyStatement[] {
  return [
    {
      Sid: "ChangeRegion",
      Effect: "Allow",
      Action: [
        ...EC2_CHANGES,
        "autoscaling:CreateOrUpdateTags",
        "autoscaling:DeleteTags",
        "elasticfilesystem:CreateFileSystem",
        "elasticfilesystem:CreateMountTarget",
        "elasticfilesystem:DeleteFileSystem",
        "elasticfilesystem:DeleteMountTarget",
        "elasticfilesystem:ModifyMountTargetSecurityGroups",
        "elasticfilesystem:PutLifecycleConfiguration",
        "elasticfilesystem:TagResource",
        "elasticfilesystem:UntagResource",
        "elasticfilesystem:UpdateFileSystem",
        "events:DeleteRule",
        "events:PutRule",
        "events:PutTargets",
        "events:RemoveTargets",
        "events:TagResource",
        "events:UntagResource",
        "kms:CreateKey",
        "sqs:CreateQueue",
        "sqs:DeleteQueue",
        "sqs:SetQueueAttributes",
        "sqs:TagQueue",
        "sqs:UntagQueue",
      ],
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": region } },
    },
  ];
}

/** Things that bear the name of the cluster. */
function namedStatements(scope: PipelineScope): aws.iam.PolicyStatement[] {
  const { clusterName, region, accountId, partition } = scope;
  const arn = (service: string, resource: string) => `arn:${partition}:${service}:${region}:${accountId}:${resource}`;
  const models = `arn:${partition}:s3:::${clusterName}-models-${accountId}`;
  return [
    {
      Sid: "ChangeCluster",
      Effect: "Allow",
      Action: "eks:*",
      Resource: ["cluster", "nodegroup", "addon", "access-entry", "podidentityassociation"].flatMap((kind) =>
        kind === "cluster" ? [arn("eks", `cluster/${clusterName}`)] : [arn("eks", `${kind}/${clusterName}/*`)],
      ),
    },
    { Sid: "ChangeModels", Effect: "Allow", Action: "s3:*", Resource: [models, `${models}/*`] },
    { Sid: "LogIntoRegistry", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
    {
      Sid: "ChangeImages",
      Effect: "Allow",
      Action: "ecr:*",
      Resource: arn("ecr", `repository/${clusterName}/*`),
    },
    {
      Sid: "ChangeLogs",
      Effect: "Allow",
      Action: [
        "logs:CreateLogGroup",
        "logs:DeleteLogGroup",
        "logs:DeleteRetentionPolicy",
        "logs:PutRetentionPolicy",
        "logs:TagResource",
        "logs:UntagResource",
      ],
      Resource: ["/aws/eks/", "/aws/vpc/"].map((prefix) => arn("logs", `log-group:${prefix}${clusterName}/*`)),
    },
    {
      // Keys are named by a tag; an alias is changed with a right to both.
      Sid: "ChangeKeys",
      Effect: "Allow",
      Action: [
        "kms:CreateAlias",
        "kms:CreateGrant",
        "kms:DeleteAlias",
        "kms:EnableKeyRotation",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateAlias",
        "kms:UpdateKeyDescription",
      ],
      Resource: arn("kms", "key/*"),
      Condition: { StringLike: { "aws:ResourceTag/Name": `${clusterName}*` } },
    },
    {
      Sid: "ChangeAliases",
      Effect: "Allow",
      Action: ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
      Resource: arn("kms", `alias/${clusterName}*`),
    },
    {
      Sid: "ChangeFirewalls",
      Effect: "Allow",
      Action: [
        "wafv2:CreateWebACL",
        "wafv2:DeleteWebACL",
        "wafv2:TagResource",
        "wafv2:UntagResource",
        "wafv2:UpdateWebACL",
      ],
      Resource: [
        arn("wafv2", `regional/webacl/${clusterName}-*/*`),
        // Of AWS's rule groups, which the firewall asks.
        `arn:${partition}:wafv2:${region}:aws:regional/managedruleset/*/*`,
        arn("wafv2", "regional/managedruleset/*/*"),
      ],
    },
    {
      Sid: "ChangeBudget",
      Effect: "Allow",
      Action: ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"],
      Resource: `arn:${partition}:budgets::${accountId}:budget/${clusterName}`,
    },
  ];
}

/** Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate */
function roleStatements(scope: PipelineScope): aws.iam.PolicyStatement[] {
  const { clusterName, accountId, partition } = scope;
  const roles = roleArns(scope);
  return [
    {
      Sid: "GiveRightsWithinBoundary",
      Effect: "Allow",
      Action: [
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
      ],
      Resource: roles,
      Condition: { StringEquals: { "iam:PermissionsBoundary": boundaryArn(scope) } },
    },
    {
      Sid: "ChangeRoles",
      Effect: "Allow",
      Action: [
        "iam:DeleteRole",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
      ],
      Resource: roles,
    },
    {
      Sid: "ChangeInstanceProfiles",
      Effect: "Allow",
      Action: [
        "iam:AddRoleToInstanceProfile",
        "iam:CreateInstanceProfile",
        "iam:DeleteInstanceProfile",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagInstanceProfile",
        "iam:UntagInstanceProfile",
      ],
      Resource: `arn:${partition}:iam::${accountId}:instance-profile${rolePath(clusterName)}*`,
    },
    {
      Sid: "PassRoles",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: roles,
      Condition: { StringEquals: { "iam:PassedToService": PASSED_TO } },
    },
    {
      Sid: "MakeServiceRoles",
      Effect: "Allow",
      Action: "iam:CreateServiceLinkedRole",
      Resource: `arn:${partition}:iam::${accountId}:role/aws-service-role/*`,
      Condition: { StringEquals: { "iam:AWSServiceName": LINKED_SERVICES } },
    },
  ];
}

import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { type PipelineScope, roleArns, rolePath } from "./scope.ts";

/**
 * The most that roles which the pipeline makes can be given: what nodes, controllers and the service need, and nothing that
 * gives rights to others. Karpenter reads instance profiles and passes the nodes' role; load balancers need a role of their own.
 */
export function boundaryPolicy(scope: PipelineScope): aws.iam.PolicyDocument {
  const { accountId, partition } = scope;
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Services",
        Effect: "Allow",
        Action: [
          "acm:DescribeCertificate",
          "acm:ListCertificates",
          "autoscaling:*",
          "ec2:*",
          "ecr:*",
          "eks:*",
          "eks-auth:*",
          "elasticfilesystem:*",
          "elasticloadbalancing:*",
          "kms:*",
          "logs:*",
          "pricing:GetProducts",
          "s3:*",
          "sqs:*",
          "ssm:*",
          "ssmmessages:*",
          "wafv2:*",
        ],
        Resource: "*",
      },
      {
        Sid: "ReadInstanceProfiles",
        Effect: "Allow",
        Action: ["iam:GetInstanceProfile", "iam:ListInstanceProfiles"],
        Resource: "*",
      },
      { Sid: "PassRoles", Effect: "Allow", Action: "iam:PassRole", Resource: roleArns(scope) },
      {
        Sid: "MakeServiceRoles",
        Effect: "Allow",
        Action: "iam:CreateServiceLinkedRole",
        Resource: `arn:${partition}:iam::${accountId}:role/aws-service-role/*`,
      },
      {
        // Pulumi's state holds every secret of the stack.
        Sid: "LeaveStateAlone",
        Effect: "Deny",
        Action: "s3:*",
        Resource: [scope.stateBucket, `${scope.stateBucket}/*`].map((resource) => `arn:${partition}:s3:::${resource}`),
      },
    ],
  };
}

/** Types of resources that the pipeline may make below its path only. */
const BOUNDED_TYPES = ["aws:iam/role:Role", "aws:iam/instanceProfile:InstanceProfile"];

/**
 * Puts every role of a stack below the pipeline's path and within its boundary, those included that the component of EKS makes:
 * `pulumi.runtime.registerResourceTransform(boundRoles(...))`, before anything is made. Roles with a path of their own, as those of
 * GithubRoles, are left as they are. A path cannot be changed: on a stack that exists, it replaces every role.
 */
export function boundRoles(clusterName: string, boundary: pulumi.Input<string>): pulumi.ResourceTransform {
  return ({ type, props, opts }) => {
    if (!BOUNDED_TYPES.includes(type) || props.path !== undefined) return undefined;
    const bounded = type === "aws:iam/role:Role" ? { permissionsBoundary: boundary } : {};
    return { props: { ...props, path: rolePath(clusterName), ...bounded }, opts };
  };
}

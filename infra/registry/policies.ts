import type * as aws from "@pulumi/aws";

/** A rule of ECR: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html */
export interface LifecycleRule {
  rulePriority: number;
  description: string;
  selection: {
    tagStatus: "untagged" | "any";
    countType: "sinceImagePushed" | "imageCountMoreThan";
    countNumber: number;
    countUnit?: "days";
  };
  action: { type: "expire" };
}

/**
 * Lets images without a tag go after some days, and the oldest of the others only when there are very many: a release names its
 * image by digest, and may be rolled back to long after.
 */
export function lifecyclePolicy({ untaggedDays, keepTagged }: { untaggedDays: number; keepTagged: number }): {
  rules: LifecycleRule[];
} {
  return {
    rules: [
      {
        rulePriority: 1,
        description: `Images without a tag, after ${untaggedDays} days`,
        selection: {
          tagStatus: "untagged",
          countType: "sinceImagePushed",
          countUnit: "days",
          countNumber: untaggedDays,
        },
        action: { type: "expire" },
      },
      {
        // ECR wants the rule for all images last.
        rulePriority: 2,
        description: `The oldest beyond ${keepTagged} images`,
        selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: keepTagged },
        action: { type: "expire" },
      },
    ],
  };
}

/**
 * Lets other accounts pull images, and do nothing else. The cluster's own nodes need no such policy: their role has one.
 * Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html#IAM_allow_other_accounts
 */
export function pullPolicy(accounts: readonly string[], partition: string): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Pull",
        Effect: "Allow",
        Principal: { AWS: accounts.map((account) => `arn:${partition}:iam::${account}:root`) },
        Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
      },
    ],
  };
}

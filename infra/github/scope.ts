import type * as aws from "@pulumi/aws";

/** What the policies of the pipeline's roles are about. */
export interface PipelineScope {
  clusterName: string;
  region: string;
  accountId: string;
  partition: string;
  stateBucket: string;
  secretsKeyArn?: string | undefined;
}

/** Path of every role that the pipeline makes, and of nothing else: its rights to roles end there. */
export function rolePath(clusterName: string): string {
  return `/${clusterName}/`;
}

/** Name of the policy that bounds every role which the pipeline makes. */
export function boundaryName(clusterName: string): string {
  return `${clusterName}-boundary`;
}

/** ARN of that policy. */
export function boundaryArn({ clusterName, accountId, partition }: PipelineScope): string {
  return `arn:${partition}:iam::${accountId}:policy/${boundaryName(clusterName)}`;
}

/** ARN of the roles that the pipeline makes. */
export function roleArns({ clusterName, accountId, partition }: PipelineScope): string {
  return `arn:${partition}:iam::${accountId}:role${rolePath(clusterName)}*`;
}

/**
 * What Pulumi does with a stack's state in a bucket: it reads everything, and a preview changes nothing but locks.
 * Source: https://www.pulumi.com/docs/iac/concepts/state-and-backends/#aws-s3
 */
export function stateStatements(
  { partition, stateBucket, secretsKeyArn }: PipelineScope,
  access: "preview" | "deploy",
): aws.iam.PolicyStatement[] {
  const bucket = `arn:${partition}:s3:::${stateBucket}`;
  const key: aws.iam.PolicyStatement[] =
    secretsKeyArn === undefined
      ? []
      : [
          {
            Sid: "UseSecretsKey",
            Effect: "Allow",
            Action: access === "preview" ? "kms:Decrypt" : ["kms:Decrypt", "kms:Encrypt"],
            Resource: secretsKeyArn,
          },
        ];
  return [
    { Sid: "ListState", Effect: "Allow", Action: ["s3:GetBucketLocation", "s3:ListBucket"], Resource: bucket },
    { Sid: "ReadState", Effect: "Allow", Action: "s3:GetObject", Resource: `${bucket}/.pulumi/*` },
    {
      Sid: "ChangeState",
      Effect: "Allow",
      Action: ["s3:DeleteObject", "s3:PutObject"],
      Resource: access === "preview" ? `${bucket}/.pulumi/locks/*` : `${bucket}/.pulumi/*`,
    },
    ...key,
  ];
}

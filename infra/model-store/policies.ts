import type * as aws from "@pulumi/aws";

/**
 * Refuses every request to a bucket that is not encrypted on its way by TLS 1.2 or newer, whoever makes it.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-HTTP-HTTPS
 */
export function encryptedTransportPolicy(bucketArn: string): aws.iam.PolicyDocument {
  const refused: aws.iam.PolicyStatement = {
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [bucketArn, `${bucketArn}/*`],
  };
  return {
    Version: "2012-10-17",
    Statement: [
      { ...refused, Sid: "RefuseUnencrypted", Condition: { Bool: { "aws:SecureTransport": "false" } } },
      { ...refused, Sid: "RefuseOldTls", Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
    ],
  };
}

/** What a reader may read: objects below a prefix, without listing any, and the key that they are encrypted with. */
export interface ReaderScope {
  bucketArn: string;
  prefix: string;
  /** Missing where S3 encrypts with keys of its own. */
  keyArn?: string | undefined;
}

/**
 * Lets pods get models, and nothing else.
 * Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms
 */
export function readerPolicy({ bucketArn, prefix, keyArn }: ReaderScope): aws.iam.PolicyDocument {
  const read: aws.iam.PolicyStatement = {
    Sid: "GetModels",
    Effect: "Allow",
    Action: "s3:GetObject",
    Resource: `${bucketArn}/${prefix}*`,
  };
  const decrypt: aws.iam.PolicyStatement[] =
    keyArn === undefined ? [] : [{ Sid: "DecryptModels", Effect: "Allow", Action: "kms:Decrypt", Resource: keyArn }];
  return { Version: "2012-10-17", Statement: [read, ...decrypt] };
}

/** The file system on which the EFS driver makes access points. */
export interface DriverScope {
  region: string;
  accountId: string;
  partition: string;
  fileSystemArn: string;
}

/** Tag that the driver puts on every access point that it makes. */
const DRIVER_TAG = "efs.csi.aws.com/cluster";

/**
 * Lets the EFS driver make access points on one file system, and delete those that it made.
 * It is the policy that the driver documents, limited to the file system.
 * Source: https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/docs/iam-policy-example.json
 */
export function efsDriverPolicy({ region, accountId, partition, fileSystemArn }: DriverScope): aws.iam.PolicyDocument {
  const accessPoints = `arn:${partition}:elasticfilesystem:${region}:${accountId}:access-point/*`;
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Read",
        Effect: "Allow",
        Action: ["elasticfilesystem:DescribeFileSystems", "elasticfilesystem:DescribeMountTargets"],
        Resource: fileSystemArn,
      },
      {
        Sid: "ReadAccessPoints",
        Effect: "Allow",
        Action: "elasticfilesystem:DescribeAccessPoints",
        Resource: [fileSystemArn, accessPoints],
      },
      {
        Sid: "ReadZones",
        Effect: "Allow",
        Action: "ec2:DescribeAvailabilityZones",
        // This action cannot be limited to resources.
        Resource: "*",
        Condition: { StringEquals: { "aws:RequestedRegion": region } },
      },
      {
        Sid: "MakeAccessPoints",
        Effect: "Allow",
        Action: "elasticfilesystem:CreateAccessPoint",
        Resource: fileSystemArn,
        Condition: { StringLike: { [`aws:RequestTag/${DRIVER_TAG}`]: "true" } },
      },
      {
        Sid: "TagNewAccessPoints",
        Effect: "Allow",
        Action: "elasticfilesystem:TagResource",
        Resource: accessPoints,
        Condition: { StringEquals: { "elasticfilesystem:CreateAction": "CreateAccessPoint" } },
      },
      {
        Sid: "DeleteOwnAccessPoints",
        Effect: "Allow",
        Action: "elasticfilesystem:DeleteAccessPoint",
        Resource: accessPoints,
        Condition: { StringEquals: { [`aws:ResourceTag/${DRIVER_TAG}`]: "true" } },
      },
    ],
  };
}

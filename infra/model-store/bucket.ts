import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { MadeBucket, ModelStoreArgs } from "./args.ts";
import { encryptedTransportPolicy } from "./policies.ts";

/** Days until the parts of an upload that was never finished are gone. */
const UNFINISHED_UPLOAD_DAYS = 7;

/** Days in which the deletion of the key can be taken back, and with it that of every model: the longest time there is. */
const KEY_DELETION_DAYS = 30;

type Parent = { parent: pulumi.Resource };

/** A bucket, as a reader needs to know it. */
export interface BucketRef {
  name: pulumi.Output<string>;
  arn: pulumi.Output<string>;
  /** Key that objects are encrypted with; missing where S3 encrypts with keys of its own. */
  keyArn?: pulumi.Output<string> | undefined;
}

/**
 * A private bucket that keeps replaced versions for a while, encrypts what lies in it, and takes requests by TLS 1.2 or newer.
 * Each setting is a resource of its own, as the provider wants it since version 7.
 */
export function makeBucket(name: string, settings: MadeBucket, args: ModelStoreArgs, parent: Parent): BucketRef {
  const { clusterName, protect } = args;
  const bucket = new aws.s3.Bucket(
    name,
    {
      // Known before it exists, so that a release can name it.
      bucket: settings.name ?? pulumi.interpolate`${clusterName}-models-${args.accountId}`,
      forceDestroy: !protect,
    },
    { ...parent, protect },
  );
  const ref = { bucket: bucket.bucket };
  // One after the other: S3 refuses changes of a bucket's access at the same time.
  const access = new aws.s3.BucketPublicAccessBlock(
    name,
    { ...ref, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    parent,
  );
  // Objects belong to the bucket's account, whoever uploads them, and access control lists are off.
  const ownership = new aws.s3.BucketOwnershipControls(
    name,
    { ...ref, rule: { objectOwnership: "BucketOwnerEnforced" } },
    { ...parent, dependsOn: access },
  );
  new aws.s3.BucketPolicy(
    name,
    { ...ref, policy: bucket.arn.apply(encryptedTransportPolicy) },
    { ...parent, dependsOn: ownership },
  );
  const key = settings.encryption === "kms" ? makeKey(name, clusterName, protect, parent) : undefined;
  new aws.s3.BucketServerSideEncryptionConfiguration(name, { ...ref, rules: [encryptionRule(key)] }, parent);
  const versioning = new aws.s3.BucketVersioning(
    name,
    { ...ref, versioningConfiguration: { status: "Enabled" } },
    parent,
  );
  new aws.s3.BucketLifecycleConfiguration(
    name,
    { ...ref, rules: lifecycleRules(settings.noncurrentDays) },
    { ...parent, dependsOn: versioning },
  );
  return { name: bucket.bucket, arn: bucket.arn, keyArn: key?.arn };
}

function encryptionRule(key?: aws.kms.Key): aws.types.input.s3.BucketServerSideEncryptionConfigurationRule {
  if (key === undefined) return { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } };
  return {
    applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn },
    // One request to KMS for many objects, which is what KMS costs.
    bucketKeyEnabled: true,
  };
}

/** Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html */
function lifecycleRules(noncurrentDays: number): aws.types.input.s3.BucketLifecycleConfigurationRule[] {
  const all = { status: "Enabled", filter: {} };
  return [
    {
      ...all,
      id: "old-versions",
      noncurrentVersionExpiration: { noncurrentDays },
      // What is left of a deleted object once its last version is gone.
      expiration: { expiredObjectDeleteMarker: true },
    },
    {
      ...all,
      id: "unfinished-uploads",
      abortIncompleteMultipartUpload: { daysAfterInitiation: UNFINISHED_UPLOAD_DAYS },
    },
  ];
}

/** A key that encrypts models, which nobody reads again without it. */
function makeKey(name: string, clusterName: string, protect: boolean, parent: Parent): aws.kms.Key {
  const key = new aws.kms.Key(
    name,
    {
      description: `Models of ${clusterName}`,
      enableKeyRotation: true,
      deletionWindowInDays: KEY_DELETION_DAYS,
      tags: { Name: `${clusterName}-models` },
    },
    { ...parent, protect },
  );
  new aws.kms.Alias(name, { name: `alias/${clusterName}-models`, targetKeyId: key.keyId }, parent);
  return key;
}

import { textAt } from "../../values.ts";
import type { Stored } from "../account.ts";
import { digits, type Model, type Models, type Request, terraform } from "../model.ts";
import { Refusal } from "../refusal.ts";
import { GROUP } from "./instances.ts";
import { noSubnet, SUBNET } from "./vpc.ts";

// Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
// and https://docs.aws.amazon.com/efs/latest/ug/API_Operations.html.

const BUCKET = "aws:s3/bucket:Bucket";
const REPOSITORY = "aws:ecr/repository:Repository";
const FILE_SYSTEM = "aws:efs/fileSystem:FileSystem";
const MOUNT_TARGET = "aws:efs/mountTarget:MountTarget";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET_NAME = /^[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]$/;

const OBJECTS = ["aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2"];

const TO_BUCKET = {
  path: "bucket",
  to: BUCKET,
  missing: () => new Refusal("NoSuchBucket", "The specified bucket does not exist"),
  holds: false,
} as const;

/** A part of a bucket's settings, which has no life without it. */
function setting(file: string, replace: readonly string[] = ["bucket"]): Model {
  return { source: terraform("s3", file), replace, id: ({ inputs }) => String(inputs.bucket), references: [TO_BUCKET] };
}

function refuseBucket({ inputs, old, resources }: Request): void {
  if (old !== undefined || resources.get(BUCKET, String(inputs.bucket)) === undefined) return;
  throw new Refusal(
    "BucketAlreadyOwnedByYou",
    "Your previous request to create the named bucket succeeded and you already own it.",
  );
}

/** Things that somebody put there outside of Pulumi are written into the account's file by a test. */
function hasContent(stored: Stored, property: string): boolean {
  const content = stored.outputs[property];
  return Array.isArray(content) && content.length > 0;
}

function settingOfRepository(file: string): Model {
  const missing = (name: string) =>
    new Refusal("RepositoryNotFoundException", `The repository with name '${name}' does not exist in the registry`);
  return {
    source: terraform("ecr", file),
    replace: ["repository"],
    id: ({ inputs }) => String(inputs.repository),
    references: [{ path: "repository", to: REPOSITORY, missing, holds: false }],
  };
}

const TO_FILE_SYSTEM = {
  path: "fileSystemId",
  to: FILE_SYSTEM,
  missing: (id: string) => new Refusal("FileSystemNotFound", `File system '${id}' does not exist.`),
};

/** Buckets, repositories of images, file systems. */
export const STORAGE_MODELS: Models = {
  [BUCKET]: {
    source: terraform("s3", "bucket"),
    replace: ["bucket", "bucketPrefix", "objectLockEnabled"],
    naming: { property: "bucket", max: 63, lowerCase: true },
    check: ({ bucket }) =>
      typeof bucket !== "string" || BUCKET_NAME.test(bucket) || bucket.includes("04da6b54")
        ? []
        : [
            {
              property: "bucket",
              reason: `Expected 3 to 63 small letters, digits, dots and hyphens for bucket but received "${bucket}"`,
            },
          ],
    id: ({ inputs }) => String(inputs.bucket),
    outputs: ({ inputs, region }, id) => ({
      arn: `arn:aws:s3:::${inputs.bucket}`,
      bucketDomainName: `${id}.s3.amazonaws.com`,
      bucketRegionalDomainName: `${id}.s3.${region}.amazonaws.com`,
      bucketRegion: region,
    }),
    refuse: refuseBucket,
    refuseDelete: (stored, resources) => {
      const objects = resources.list.filter(
        ({ type, inputs }) => OBJECTS.includes(type) && inputs.bucket === stored.id,
      );
      if (stored.inputs.forceDestroy === true || (objects.length === 0 && !hasContent(stored, "objects"))) return;
      throw new Refusal("BucketNotEmpty", "The bucket you tried to delete is not empty");
    },
  },
  "aws:s3/bucketVersioning:BucketVersioning": setting("bucket_versioning", ["bucket", "expectedBucketOwner"]),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": setting("bucket_public_access_block"),
  "aws:s3/bucketPolicy:BucketPolicy": setting("bucket_policy"),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": setting("bucket_ownership_controls"),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": setting("bucket_lifecycle_configuration", [
    "bucket",
    "expectedBucketOwner",
  ]),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": setting(
    "bucket_server_side_encryption_configuration",
    ["bucket", "expectedBucketOwner"],
  ),
  "aws:s3/bucketLogging:BucketLogging": setting("bucket_logging", ["bucket", "expectedBucketOwner"]),
  [REPOSITORY]: {
    source: terraform("ecr", "repository"),
    replace: ["name", "encryptionConfigurations"],
    naming: { property: "name", max: 256, lowerCase: true },
    values: { imageTagMutability: ["MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"] },
    id: ({ inputs }) => String(inputs.name),
    arn: { service: "ecr", of: (id) => `repository/${id}` },
    outputs: ({ account, region }, id) => ({
      registryId: account,
      repositoryUrl: `${account}.dkr.ecr.${region}.amazonaws.com/${id}`,
    }),
    refuse: ({ inputs, old, resources }) => {
      if (old !== undefined || resources.get(REPOSITORY, String(inputs.name)) === undefined) return;
      throw new Refusal(
        "RepositoryAlreadyExistsException",
        `The repository with name '${inputs.name}' already exists in the registry`,
      );
    },
    refuseDelete: (stored) => {
      if (stored.inputs.forceDelete === true || !hasContent(stored, "images")) return;
      throw new Refusal(
        "RepositoryNotEmptyException",
        `The repository with name '${stored.id}' cannot be deleted because it still contains images`,
      );
    },
  },
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": settingOfRepository("lifecycle_policy"),
  "aws:ecr/repositoryPolicy:RepositoryPolicy": settingOfRepository("repository_policy"),
  [FILE_SYSTEM]: {
    source: terraform("efs", "file_system"),
    replace: ["availabilityZoneName", "creationToken", "encrypted", "kmsKeyId", "performanceMode"],
    id: "fs",
    arn: { service: "elasticfilesystem", of: (id) => `file-system/${id}` },
    outputs: ({ account, region }, id) => ({ ownerId: account, dnsName: `${id}.efs.${region}.amazonaws.com` }),
    held: ({ id }, by) =>
      new Refusal("FileSystemInUse", `File system '${id}' has mount targets created in it (${by.id}).`),
  },
  [MOUNT_TARGET]: {
    source: terraform("efs", "mount_target"),
    replace: ["fileSystemId", "subnetId", "ipAddress", "ipAddressType", "ipv6Address"],
    id: "fsmt",
    kept: ({ inputs, resources }) => ({
      networkInterfaceId: `eni-${digits()}`,
      availabilityZoneName: textAt(resources.get(SUBNET, String(inputs.subnetId))?.outputs, "availabilityZone"),
    }),
    references: [
      TO_FILE_SYSTEM,
      { path: "subnetId", to: SUBNET, missing: noSubnet },
      { path: "securityGroups", to: GROUP },
    ],
    refuse: ({ inputs, old, resources }) => {
      const zone = (subnetId: unknown) => resources.get(SUBNET, String(subnetId))?.outputs.availabilityZone;
      const other = resources
        .all(MOUNT_TARGET)
        .find(
          ({ id, inputs: { fileSystemId, subnetId } }) =>
            id !== old?.id && fileSystemId === inputs.fileSystemId && zone(subnetId) === zone(inputs.subnetId),
        );
      if (other === undefined) return;
      throw new Refusal("MountTargetConflict", `mount target already exists in this AZ (${other.id})`);
    },
  },
  "aws:efs/accessPoint:AccessPoint": {
    source: terraform("efs", "access_point"),
    replace: ["fileSystemId", "posixUser", "rootDirectory"],
    id: "fsap",
    arn: { service: "elasticfilesystem", of: (id) => `access-point/${id}` },
    references: [{ ...TO_FILE_SYSTEM, holds: false }],
  },
  "aws:efs/fileSystemPolicy:FileSystemPolicy": {
    source: terraform("efs", "file_system_policy"),
    replace: ["fileSystemId"],
    id: ({ inputs }) => String(inputs.fileSystemId),
    references: [{ ...TO_FILE_SYSTEM, holds: false }],
  },
  "aws:efs/backupPolicy:BackupPolicy": {
    source: terraform("efs", "backup_policy"),
    replace: ["fileSystemId"],
    id: ({ inputs }) => String(inputs.fileSystemId),
    references: [{ ...TO_FILE_SYSTEM, holds: false }],
  },
};

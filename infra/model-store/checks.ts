import { STORAGE_CLASS } from "../cluster/storage-class.ts";
import type { ModelVolume } from "../detector/args.ts";
import type { Problem } from "../problems.ts";
import type { ModelBucketSettings } from "./args.ts";
import { CACHE_STORAGE_CLASS } from "./efs-driver.ts";

/** Names of buckets: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, without dots, which break TLS. */
export const BUCKET_NAME = {
  what: "3 to 63 lower-case letters, digits and hyphens that begin and end with a letter or digit",
  regex: /^(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]{1,61}[a-z0-9](?<!-s3alias|--ol-s3|--x-s3|--table-s3)$/,
};

/** Beginning of keys: nothing that a policy would read as a wildcard or a variable. */
export const KEY_PREFIX = {
  what: "the beginning of a key, such as models/, of letters, digits and . _ - /, without / at its own beginning",
  regex: /^(?!\/)[A-Za-z0-9._/-]{0,512}$/,
};

/** What is wrong with the settings of a bucket; paths are those within modelStore.bucket. */
export function bucketProblems({ name, prefix }: Pick<ModelBucketSettings, "name" | "prefix">): Problem[] {
  const problems: Problem[] = [];
  if (name !== undefined && !BUCKET_NAME.regex.test(name)) {
    problems.push({ path: ["name"], expected: BUCKET_NAME.what, received: name });
  }
  if (!KEY_PREFIX.regex.test(prefix)) problems.push({ path: ["prefix"], expected: KEY_PREFIX.what, received: prefix });
  return problems;
}

/** The parts of a stack that decide where models lie. */
export interface ModelPlaces {
  volume: ModelVolume;
  /** Whether there is a shared cache. */
  efs: boolean;
  /** Missing where there is no bucket. */
  bucket?: ModelBucketSettings | undefined;
  /** Where pods download the model from. */
  modelUri?: string | undefined;
}

/** What does not fit together about models on a cluster of EKS; paths are those of a stack's configuration. */
export function modelPlaceProblems(places: ModelPlaces): Problem[] {
  return [...volumeProblems(places), ...uriProblems(places)];
}

function volumeProblems({ volume, efs }: ModelPlaces): Problem[] {
  const path = ["modelStore", "volume"];
  if (volume.type === "hostPath") {
    const expected = "another than hostPath, because nodes of EKS come and go with their folders,";
    return [{ path: [...path, "type"], expected, received: volume.type }];
  }
  const storageClass =
    volume.type === "podClaim" ? volume.storageClass : volume.type === "storageClass" ? volume.name : undefined;
  if (storageClass === CACHE_STORAGE_CLASS && !efs) {
    const expected = "a shared cache for volumes of the storage class efs (an empty map makes one with its defaults),";
    return [{ path: ["modelStore", "efs"], expected, received: undefined }];
  }
  // A volume of EBS belongs to one node at a time; Kubernetes would leave every pod on another node waiting for it.
  if (volume.type === "storageClass" && storageClass === STORAGE_CLASS) {
    const expected = `podClaim for the storage class ${STORAGE_CLASS}, of which a volume serves one node only,`;
    return [{ path: [...path, "type"], expected, received: volume.type }];
  }
  return [];
}

function uriProblems({ bucket, modelUri }: ModelPlaces): Problem[] {
  const { bucketName, key } = /^s3:\/\/(?<bucketName>[^/]+)\/(?<key>.*)$/.exec(modelUri ?? "")?.groups ?? {};
  if (bucketName === undefined || key === undefined) return [];
  const path = ["release", "model", "uri"];
  if (bucket === undefined) {
    const expected = `a bucket that pods may read (an empty map makes one), or an existingBucket, for models from s3:,`;
    return [{ path: ["modelStore", "bucket"], expected, received: undefined }];
  }
  const where = bucket.make ? "bucket" : "existingBucket";
  if (bucket.name !== undefined && bucket.name !== bucketName) {
    return [{ path, expected: `an object of modelStore.${where}.name (${bucket.name})`, received: modelUri }];
  }
  if (key.startsWith(bucket.prefix)) return [];
  const expected = `a key that begins with modelStore.${where}.prefix (${bucket.prefix}), which is all that pods may read,`;
  return [{ path, expected, received: modelUri }];
}

import { z } from "zod";
import { ADDON_VERSION_FORM } from "../../infra/cluster/addon-versions.ts";
import { INFREQUENT_ACCESS_DAYS, type ModelBucketSettings } from "../../infra/model-store/args.ts";
import { BUCKET_NAME, KEY_PREFIX } from "../../infra/model-store/checks.ts";
import { checked, integer, KEY_ARN, oneOf, text } from "./expected.ts";
import { modelStoreSchema } from "./model-volume.ts";

const prefixSchema = text(KEY_PREFIX).default("models/").describe("Beginning of the keys that the service may read.");

const bucketSchema = z.strictObject({
  name: text(BUCKET_NAME)
    .optional()
    .describe(
      "Name, `<cluster>-models-<account>` when left out; a change makes a new bucket, without the old one's files.",
    ),
  prefix: prefixSchema,
  encryption: oneOf("s3", "kms").default("s3").describe("Who encrypts: S3 with keys of its own, or a key of KMS."),
  noncurrentDays: integer(1, 3_650).default(90).describe("Days until a version that was replaced or deleted is gone."),
});

const existingBucketSchema = z.strictObject({
  name: text(BUCKET_NAME).describe("Name of the bucket."),
  prefix: prefixSchema,
  keyArn: text(KEY_ARN)
    .optional()
    .describe("Key of KMS that the models are encrypted with; none where S3 encrypts with keys of its own."),
});

const cacheSchema = z.strictObject({
  infrequentAccessDays: z
    .literal(INFREQUENT_ACCESS_DAYS, { error: `a number of days that EFS has (${INFREQUENT_ACCESS_DAYS.join(", ")})` })
    .optional()
    .describe("Days after which a file that nobody reads costs less to keep and more to read; never when left out."),
  driverVersion: text({ what: "the version of an add-on such as v3.4.2-eksbuild.1", regex: ADDON_VERSION_FORM })
    .optional()
    .describe("Version of the add-on instead of that of infra/model-store/efs-driver.ts."),
});

/** Where models lie on a cluster of EKS. Every default of the ModelStore and ModelCache components stands here. */
export const eksModelStoreSchema = checked(
  modelStoreSchema.extend({
    bucket: bucketSchema
      .optional()
      .describe("A bucket that the stack makes, which release.model.uri may name; none when left out."),
    existingBucket: existingBucketSchema
      .optional()
      .describe("A bucket that exists, such as another stack's, in place of one of its own."),
    efs: cacheSchema
      .optional()
      .describe("A file system that all pods share, with the storage class `efs`; none when left out."),
  }),
  ({ bucket, existingBucket }) =>
    bucket === undefined || existingBucket === undefined
      ? []
      : [{ path: ["existingBucket"], expected: "none beside a bucket that the stack makes", received: existingBucket }],
).describe("Where models lie.");

/** The model store section of a stack on Amazon EKS. */
export type EksModelStoreConfig = z.infer<typeof eksModelStoreSchema>;

/** The bucket that pods read models from; undefined where there is none. */
export function modelBucket({ bucket, existingBucket }: EksModelStoreConfig): ModelBucketSettings | undefined {
  if (bucket !== undefined) return { make: true, ...bucket };
  return existingBucket === undefined ? undefined : { make: false, ...existingBucket };
}

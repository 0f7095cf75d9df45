import { z } from "zod";
import { ADDON_VERSION_FORM } from "../../infra/cluster/addon-versions.ts";
import { INFREQUENT_ACCESS_DAYS, type ModelBucketSettings } from "../../infra/model-store/args.ts";
import { BUCKET_NAME, KEY_PREFIX } from "../../infra/model-store/checks.ts";
import { checked, integer, oneOf, text } from "./expected.ts";
import { modelStoreSchema } from "./model-volume.ts";

const KEY_ARN = {
  what: "the ARN of a key of KMS",
  regex: /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[a-z0-9-]+$/,
};

/** Beginning of the keys that the service may read. */
const prefixSchema = text(KEY_PREFIX).default("models/");

const bucketSchema = z.strictObject({
  /** `<cluster>-models-<account>` when left out. A change makes a new bucket, without what lies in the old one. */
  name: text(BUCKET_NAME).optional(),
  prefix: prefixSchema,
  /** Keys of S3, or one of this account. */
  encryption: oneOf("s3", "kms").default("s3"),
  /** Days until a version that was replaced or deleted is gone. */
  noncurrentDays: integer(1, 3_650).default(90),
});

const existingBucketSchema = z.strictObject({
  name: text(BUCKET_NAME),
  prefix: prefixSchema,
  /** Key that the models are encrypted with; none where S3 encrypts with keys of its own. */
  keyArn: text(KEY_ARN).optional(),
});

const cacheSchema = z.strictObject({
  /** Days after which a file that nobody reads costs less to keep and more to read; never when left out. */
  infrequentAccessDays: z
    .literal(INFREQUENT_ACCESS_DAYS, { error: `a number of days that EFS has (${INFREQUENT_ACCESS_DAYS.join(", ")})` })
    .optional(),
  /** Version of the add-on instead of that of infra/model-store/efs-driver.ts. */
  driverVersion: text({
    what: "the version of an add-on such as v3.4.2-eksbuild.1",
    regex: ADDON_VERSION_FORM,
  }).optional(),
});

/** Where models lie on a cluster of EKS. Every default of the ModelStore and ModelCache components stands here. */
export const eksModelStoreSchema = checked(
  modelStoreSchema.extend({
    /** A bucket that the stack makes; none when left out. */
    bucket: bucketSchema.optional(),
    /** A bucket that exists, such as another stack's, in place of one of its own. */
    existingBucket: existingBucketSchema.optional(),
    /** A file system that all pods share, with the storage class `efs`; none when left out. */
    efs: cacheSchema.optional(),
  }),
  ({ bucket, existingBucket }) =>
    bucket === undefined || existingBucket === undefined
      ? []
      : [{ path: ["existingBucket"], expected: "none beside a bucket that the stack makes", received: existingBucket }],
);

/** The model store section of a stack on Amazon EKS. */
export type EksModelStoreConfig = z.infer<typeof eksModelStoreSchema>;

/** The bucket that pods read models from; undefined where there is none. */
export function modelBucket({ bucket, existingBucket }: EksModelStoreConfig): ModelBucketSettings | undefined {
  if (bucket !== undefined) return { make: true, ...bucket };
  return existingBucket === undefined ? undefined : { make: false, ...existingBucket };
}

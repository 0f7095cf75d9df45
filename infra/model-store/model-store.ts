import * as pulumi from "@pulumi/pulumi";
import { PodIdentity } from "../pod-identity.ts";
import { refuseProblems } from "../problems.ts";
import type { ExistingBucket, ModelStoreArgs } from "./args.ts";
import { type BucketRef, makeBucket } from "./bucket.ts";
import { bucketProblems } from "./checks.ts";
import { readerPolicy } from "./policies.ts";

/**
 * Where models lie in S3, and a role by which the service's pods read them. The service must depend on the whole component:
 * pods get their role when they start.
 */
export class ModelStore extends pulumi.ComponentResource {
  /** Name of the bucket; what uses it comes after the bucket. */
  readonly bucket: pulumi.Output<string>;
  /** Beginning of the address of every model that the service may read: `s3://<bucket>/<prefix>`. */
  readonly uri: pulumi.Output<string>;

  /** Throws one ResourceError that lists every problem with the arguments. */
  constructor(name: string, args: ModelStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:ModelStore", name, {}, opts);
    const { settings, reader } = args;
    const problems = bucketProblems(settings);
    refuseProblems(problems, this);

    const parent = { parent: this };
    const { prefix } = settings;
    const bucket = settings.make ? makeBucket(name, settings, args, parent) : existingBucket(settings, args);
    new PodIdentity(
      `${name}-reader`,
      {
        ...reader,
        policy: pulumi
          .all([bucket.arn, bucket.keyArn])
          .apply(([bucketArn, keyArn]) => readerPolicy({ bucketArn, prefix, keyArn })),
      },
      parent,
    );

    this.bucket = bucket.name;
    this.uri = pulumi.interpolate`s3://${bucket.name}/${prefix}`;
    this.registerOutputs({ bucket: this.bucket, uri: this.uri });
  }
}

function existingBucket({ name, keyArn }: ExistingBucket, { partition }: ModelStoreArgs): BucketRef {
  return {
    name: pulumi.output(name),
    arn: pulumi.interpolate`arn:${partition}:s3:::${name}`,
    keyArn: keyArn === undefined ? undefined : pulumi.output(keyArn),
  };
}

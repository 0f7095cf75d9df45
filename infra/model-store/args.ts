import type * as pulumi from "@pulumi/pulumi";
import type { AwsLocation } from "../aws-location.ts";
import type { KubernetesMinor } from "../cluster/addon-versions.ts";

/** A bucket that the program makes. Defaults are those of the stack's configuration (stacks/config/model-store.ts). */
export interface MadeBucket {
  make: true;
  /** Name of the bucket, unique in all of AWS; `<cluster>-models-<account>` when left out. */
  name?: string | undefined;
  /** Beginning of the keys that the service may read; empty for all. */
  prefix: string;
  /** Who encrypts: S3 with keys of its own, or a key of this account, whose every use CloudTrail records. */
  encryption: "s3" | "kms";
  /** Days until a version that was replaced or deleted is gone. */
  noncurrentDays: number;
}

/** A bucket that exists, such as another stack's: a release keeps its address from stack to stack. */
export interface ExistingBucket {
  make: false;
  name: string;
  /** Beginning of the keys that the service may read; empty for all. */
  prefix: string;
  /** Key that the models are encrypted with; missing where S3 encrypts with keys of its own. */
  keyArn?: string | undefined;
}

/** Where models lie: a bucket of the program or one that exists. */
export type ModelBucketSettings = MadeBucket | ExistingBucket;

/** The pods that read models. */
export interface ModelReader {
  clusterName: pulumi.Input<string>;
  namespace: string;
  serviceAccount: string;
}

/** Arguments of the ModelStore component. */
export interface ModelStoreArgs {
  settings: ModelBucketSettings;
  /** Name of the cluster, of which the bucket's name is made. */
  clusterName: string;
  accountId: pulumi.Input<string>;
  /** `aws`, or that of another family of regions. */
  partition: pulumi.Input<string>;
  reader: ModelReader;
  /** Whether Pulumi refuses to delete a bucket that it made. Without it, what lies in the bucket is deleted with it. */
  protect: boolean;
}

/** Values of the shared cache that are chosen per stack. Defaults are those of the stack's configuration (stacks/config/model-store.ts). */
export interface ModelCacheSettings {
  /** Days after which a file that nobody reads costs less to keep and more to read; never when left out. */
  infrequentAccessDays?: InfrequentAccessDays | undefined;
  /** Version of the add-on instead of that of infra/model-store/efs-driver.ts. */
  driverVersion?: string | undefined;
}

/** Days that EFS has: https://docs.aws.amazon.com/efs/latest/ug/API_LifecyclePolicy.html */
export const INFREQUENT_ACCESS_DAYS = [1, 7, 14, 30, 60, 90, 180, 270, 365] as const;

/** A number of days that EFS has. */
export type InfrequentAccessDays = (typeof INFREQUENT_ACCESS_DAYS)[number];

/** Arguments of the ModelCache component. */
export interface ModelCacheArgs extends ModelCacheSettings {
  clusterName: string;
  kubernetesVersion: KubernetesMinor;
  location: AwsLocation;
  vpcId: pulumi.Input<string>;
  /** One subnet in each zone that has nodes. */
  subnets: readonly { zone: string; id: pulumi.Input<string> }[];
  /** Security group of the nodes, which mount the file system. */
  nodeSecurityGroupId: pulumi.Input<string>;
}

import type * as pulumi from "@pulumi/pulumi";

/** Where AWS resources are, as their ARNs say it. */
export interface AwsLocation {
  region: string;
  accountId: pulumi.Input<string>;
  /** `aws`, or that of another family of regions. */
  partition: pulumi.Input<string>;
}

import type * as pulumi from "@pulumi/pulumi";

/** Values that are chosen per stack. Defaults are those of the stack's configuration (stacks/config/registry.ts). */
export interface RegistrySettings {
  /** Name of the repository; that of the cluster with `/detector` behind it when left out. */
  name?: string | undefined;
  /** Days until an image without a tag is gone. */
  untaggedDays: number;
  /** Images with a tag that are kept; the oldest beyond them go. */
  keepTagged: number;
  /** Who encrypts: ECR with keys of its own, or a key of KMS that AWS manages for ECR in this account. */
  encryption: "ecr" | "kms";
}

/** Arguments of the Registry component. */
export interface RegistryArgs extends RegistrySettings {
  clusterName: string;
  /** Accounts besides this one whose nodes pull the images, such as that of the next stage. Defaults to none. */
  pullAccounts?: readonly string[];
  partition: pulumi.Input<string>;
  /** Whether Pulumi refuses to delete the repository. Without it, the images in it are deleted with it. */
  protect: boolean;
}

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { installMocks, type MockOptions, type Recording, settle } from "../../support/pulumi.ts";

/** What AWS answers besides what it was asked for. It does not show that AWS accepts it. */
const STATES: NonNullable<MockOptions["states"]> = {
  "aws:s3/bucket:Bucket": (_, { bucket }) => ({ arn: `arn:aws:s3:::${String(bucket)}` }),
  "aws:kms/key:Key": () => ({ arn: "arn:aws:kms:us-west-2:123456789012:key/1", keyId: "key-1" }),
  "aws:iam/role:Role": (name) => ({ name, arn: `arn:aws:iam::123456789012:role/${name}` }),
  "aws:efs/fileSystem:FileSystem": () => ({
    arn: "arn:aws:elasticfilesystem:us-west-2:123456789012:file-system/fs-1",
  }),
};

/** Builds a component below a parent that has a cluster, under mocks. */
export async function build<T>(
  make: (parent: pulumi.ComponentResource) => T,
): Promise<{ made: T; recording: Recording }> {
  const recording = await installMocks({ states: STATES });
  const provider = new k8s.Provider("cluster", { kubeconfig: "{}" });
  const made = make(new pulumi.ComponentResource("test:Parent", "parent", {}, { providers: [provider] }));
  await settle();
  return { made, recording };
}

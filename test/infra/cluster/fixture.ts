import * as pulumi from "@pulumi/pulumi";
import type { ClusterArgs } from "../../../infra/cluster/args.ts";
import { installMocks, type MockOptions, type Recording, settle } from "../../support/pulumi.ts";

/** Arguments of a cluster that set everything there is to set. */
export const ARGS: ClusterArgs = {
  clusterName: "yolo-test",
  vpcId: "vpc-1",
  privateSubnetIds: ["subnet-a", "subnet-b"],
  version: "1.35",
  endpoint: { publicCidrs: ["203.0.113.4/32"], privateCidrs: ["10.8.0.0/24"] },
  access: {
    operators: { principalArn: "arn:aws:iam::123456789012:role/operators", policy: "clusterAdmin" },
    team: { principalArn: "arn:aws:iam::123456789012:role/team", policy: "edit", namespaces: ["yolo"] },
  },
  logs: ["api", "audit"],
  logRetentionDays: 30,
  serviceCidr: "172.20.0.0/16",
  addonVersions: {},
  deleteUnreachable: false,
  protect: true,
};

/** What the real component answers about the cluster that it made, so far as ours reads it. */
const EKS_CLUSTER = {
  name: "yolo-test",
  arn: "arn:aws:eks:us-west-2:123456789012:cluster/yolo-test",
  endpoint: "https://1.eks.us-west-2.amazonaws.com",
  vpcConfig: { clusterSecurityGroupId: "sg-eks" },
};

const STATES: NonNullable<MockOptions["states"]> = {
  "eks:index:Cluster": () => ({ eksCluster: EKS_CLUSTER, kubeconfigJson: '{"kind":"Config"}' }),
  "aws:kms/key:Key": () => ({ arn: "arn:aws:kms:us-west-2:123456789012:key/1", keyId: "key-1" }),
  "aws:iam/role:Role": (name) => ({ name, arn: `arn:aws:iam::123456789012:role/${name}` }),
};

/** Builds a component below a parent under mocks, which do not show what AWS and the real component of EKS make of it. */
export async function build<T>(
  make: (parent: pulumi.ComponentResource) => T,
): Promise<{ made: T; recording: Recording }> {
  const recording = await installMocks({ states: STATES });
  const made = make(new pulumi.ComponentResource("test:Parent", "parent"));
  await settle();
  return { made, recording };
}

import * as aws from "@pulumi/aws";
import type * as eks from "@pulumi/eks";
import type * as pulumi from "@pulumi/pulumi";

/** Who may do what in the cluster. */
export function accessEntries(
  name: string,
  cluster: aws.eks.Cluster,
  entries: NonNullable<eks.ClusterArgs["accessEntries"]>,
  own: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  return Object.entries(entries).map(([key, { accessPolicies = {}, username, ...rest }]) => {
    const entry = new aws.eks.AccessEntry(
      `${name}-${key}`,
      { ...rest, clusterName: cluster.name, ...(username !== undefined && { userName: username }) },
      { ...own, dependsOn: [cluster] },
    );
    for (const [policyKey, policy] of Object.entries(accessPolicies)) {
      const { accessScope, policyArn } = policy as { accessScope: never; policyArn: pulumi.Input<string> };
      new aws.eks.AccessPolicyAssociation(
        `${name}-${key}-${policyKey}`,
        { clusterName: cluster.name, principalArn: rest.principalArn, policyArn, accessScope },
        { ...own, parent: entry, dependsOn: [entry] },
      );
    }
    return entry;
  });
}

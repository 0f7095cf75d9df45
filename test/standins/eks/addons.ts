import * as aws from "@pulumi/aws";
import type * as eks from "@pulumi/eks";
import * as pulumi from "@pulumi/pulumi";

/** What the component itself is told of an add-on. */
interface AddonOptions {
  version: pulumi.Input<string> | undefined;
  configurationValues: pulumi.Input<object> | undefined;
}

/** The add-ons that the component makes unless it is told not to. */
export function addons(
  name: string,
  cluster: aws.eks.Cluster,
  args: eks.ClusterArgs,
  entries: pulumi.Resource[],
  own: pulumi.CustomResourceOptions,
): void {
  const addon = (
    addonName: string,
    { version, configurationValues }: AddonOptions,
    parent: pulumi.Resource | undefined,
  ) =>
    new aws.eks.Addon(
      `${name}-${addonName}`,
      {
        clusterName: cluster.name,
        addonName,
        addonVersion: version ?? newest(addonName, cluster, own),
        preserve: true,
        resolveConflictsOnCreate: "OVERWRITE",
        resolveConflictsOnUpdate: "OVERWRITE",
        ...(args.tags !== undefined && { tags: args.tags }),
        ...(configurationValues !== undefined && { configurationValues: pulumi.jsonStringify(configurationValues) }),
      },
      { ...own, ...(parent !== undefined && { parent }) },
    );
  const { kubeProxyAddonOptions: proxy, corednsAddonOptions: dns, vpcCniOptions: cni } = args;
  if (proxy?.enabled !== false) {
    addon("kube-proxy", { version: proxy?.version, configurationValues: proxy?.configurationValues }, undefined);
  }
  if (args.useDefaultVpcCni !== true) {
    const component = new pulumi.ComponentResource(
      "eks:index:VpcCniAddon",
      `${name}-vpc-cni`,
      {},
      { ...(own.parent !== undefined && { parent: own.parent }), dependsOn: entries },
    );
    const { addonVersion: version, configurationValues = { env: { WARM_ENI_TARGET: "1" } } } = cni ?? {};
    addon("vpc-cni", { version, configurationValues }, component);
  }
  // Without a default node group the add-on is made only when it is asked for.
  if (dns?.enabled === true || dns?.configurationValues !== undefined) {
    addon("coredns", { version: dns.version, configurationValues: dns.configurationValues }, undefined);
  }
}

/** The newest version, which is asked for in every run (P9). */
function newest(addonName: string, cluster: aws.eks.Cluster, own: pulumi.CustomResourceOptions): pulumi.Output<string> {
  const options = own.parent === undefined ? {} : { parent: own.parent };
  return aws.eks.getAddonVersionOutput(
    { addonName, kubernetesVersion: cluster.version, mostRecent: true },
    { ...options, version: own.version ?? "" },
  ).version;
}

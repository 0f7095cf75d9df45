import type * as eks from "@pulumi/eks";
import type * as pulumi from "@pulumi/pulumi";
import provider from "@pulumi/pulumi/provider/index.js";
import { endWithEngine, engineAddress } from "../serve.ts";
import { checkClusterArgs } from "./arguments.ts";
import { Cluster } from "./cluster.ts";

/** The version of the component that is stood in for. */
const VERSION = "4.3.0";

engineAddress();
endWithEngine(() => {});
await provider.main(
  {
    version: VERSION,
    async construct(name, type, inputs, options) {
      if (type !== "eks:index:Cluster") {
        throw new Error(`Expected eks:index:Cluster, all that the stand-in of eks has, but received ${type} (${name})`);
      }
      await checkClusterArgs(inputs);
      const cluster = new Cluster(name, inputs as eks.ClusterArgs, options);
      return { urn: cluster.urn, state: outputsOf(cluster) };
    },
  },
  process.argv.slice(2),
);

function outputsOf(cluster: Cluster): pulumi.Inputs {
  const { eksCluster, groups, oidc, role, provider: kubernetes, subnetIds, kubeconfig } = cluster;
  const ofEks = eksCluster.vpcConfig.clusterSecurityGroupId;
  return {
    kubeconfig,
    kubeconfigJson: cluster.kubeconfigJson,
    eksCluster,
    core: {
      cluster: eksCluster,
      clusterIamRole: role,
      endpoint: eksCluster.endpoint,
      instanceRoles: [],
      kubeconfig,
      nodeGroupOptions: {},
      provider: kubernetes,
      subnetIds,
      vpcId: eksCluster.vpcConfig.vpcId,
    },
    instanceRoles: [],
    clusterSecurityGroup: groups?.cluster,
    clusterSecurityGroupId: groups?.cluster.id ?? ofEks,
    nodeSecurityGroup: groups?.node,
    nodeSecurityGroupId: groups?.node.id ?? ofEks,
    eksClusterIngressRule: groups?.clusterIngressRule,
    clusterIngressRuleId: groups?.clusterIngressRule.id ?? "",
    defaultNodeGroupAsgName: "",
    fargateProfileId: "",
    fargateProfileStatus: "",
    autoModeNodeRoleName: "",
    oidcProviderArn: oidc?.arn ?? "",
    oidcProviderUrl: oidc?.url ?? "",
    oidcIssuer: oidc?.url.apply((url) => url.replace("https://", "")) ?? "",
  };
}

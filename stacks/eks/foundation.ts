import type * as pulumi from "@pulumi/pulumi";
import { ClusterAddons } from "../../infra/cluster/addons.ts";
import { Cluster } from "../../infra/cluster/cluster.ts";
import { Network } from "../../infra/network/network.ts";
import { NodeGroup, type NodeGroupArgs } from "../../infra/nodes/node-group.ts";
import { NodeRole } from "../../infra/nodes/node-role.ts";
import type { EksStackConfig } from "../config/index.ts";
import type { Site } from "./site.ts";

/** A cluster with nodes, on which pods run, and nothing else. */
export interface Foundation {
  network: Network;
  cluster: Cluster;
  addons: ClusterAddons;
  /** Groups of nodes with GPUs that the stack makes. */
  gpuNodes: NodeGroup[];
  /** Options of components with objects on the cluster. */
  onCluster: { providers: { kubernetes: pulumi.ProviderResource } };
}

/** Makes the network, the cluster, its nodes and its add-ons. */
export function makeFoundation(config: EksStackConfig, site: Site): Foundation {
  const { protect, nodes } = config;
  const { clusterName, region, zones } = site;
  const karpenter = nodes.autoscaler === "karpenter";
  const network = new Network("network", { ...config.network, zones, region, clusterName, karpenter, protect });
  const cluster = new Cluster(
    "cluster",
    {
      ...config.cluster,
      clusterName,
      vpcId: network.vpcId,
      privateSubnetIds: network.privateSubnets.map(({ id }) => id),
      protect,
    },
    { dependsOn: network },
  );
  const onCluster = { providers: { kubernetes: cluster.provider } };

  const nodeRole = new NodeRole("nodes", { ssm: nodes.ssm });
  const groupArgs = (group: string): Omit<NodeGroupArgs, keyof typeof nodes.system> => ({
    clusterName,
    kubernetesVersion: config.cluster.version,
    nodeRoleArn: nodeRole.arn,
    subnets: network.privateSubnets,
    zones: site.groupZones[group],
    clusterAutoscaler: !karpenter,
    detailedMonitoring: nodes.detailedMonitoring,
    tags: site.tags,
  });
  const afterCluster = { dependsOn: [network, cluster] };
  const system = new NodeGroup("system", { ...nodes.system, ...groupArgs("system") }, afterCluster);
  // Karpenter makes nodes itself, for the pools of infra/scaling/.
  const gpuNodes = Object.entries(karpenter ? {} : nodes.gpu).map(
    ([group, settings]) => new NodeGroup(group, { ...settings, ...groupArgs(group) }, afterCluster),
  );
  const addons = new ClusterAddons(
    "addons",
    { clusterName: cluster.name, version: config.cluster.version, addonVersions: config.cluster.addonVersions },
    { ...onCluster, dependsOn: system },
  );
  return { network, cluster, addons, gpuNodes, onCluster };
}

import * as aws from "@pulumi/aws";
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ClusterAddons } from "../infra/cluster/addons.ts";
import { Cluster } from "../infra/cluster/cluster.ts";
import { GpuSupport } from "../infra/gpu/gpu-support.ts";
import { Network } from "../infra/network/network.ts";
import { zonesOffering } from "../infra/network/offerings.ts";
import { chooseZones } from "../infra/network/zones.ts";
import { NodeGroup, type NodeGroupArgs } from "../infra/nodes/node-group.ts";
import { NodeRole } from "../infra/nodes/node-role.ts";
import { Scaling } from "../infra/scaling/scaling.ts";
import type { EksStackConfig } from "./config/index.ts";

/** A cluster with everything on it that the service needs. */
export interface Platform {
  /** For every object on the cluster. */
  provider: k8s.Provider;
  clusterName: pulumi.Output<string>;
  /** What must be there before the service, and still be there when it goes. */
  ready: pulumi.Resource[];
}

/** Makes the cluster of a stack on Amazon EKS. Throws a RunError when no region is chosen. */
export async function makePlatform(config: EksStackConfig): Promise<Platform> {
  const { protect, nodes, charts, detector } = config;
  const clusterName = `${pulumi.getProject()}-${pulumi.getStack()}`;
  const region = chosenRegion();
  const tags = { project: pulumi.getProject(), stack: pulumi.getStack() };
  const zones = await chooseZones(config.network.zones, region);
  const groupZones = Object.fromEntries(
    await Promise.all(
      Object.entries({ system: nodes.system, ...nodes.gpu }).map(async ([group, { instanceTypes }]) => {
        const path = group === "system" ? "nodes.system" : `nodes.gpu.${group}`;
        return [group, await zonesOffering(instanceTypes, zones, path)] as const;
      }),
    ),
  );

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
    zones: groupZones[group],
    clusterAutoscaler: !karpenter,
    detailedMonitoring: nodes.detailedMonitoring,
    tags,
  });
  const afterCluster = { dependsOn: [network, cluster] };
  const system = new NodeGroup("system", { ...nodes.system, ...groupArgs("system") }, afterCluster);
  const addons = new ClusterAddons(
    "addons",
    { clusterName: cluster.name, version: config.cluster.version, addonVersions: config.cluster.addonVersions },
    { ...onCluster, dependsOn: system },
  );

  const gpuGroups = Object.entries(nodes.gpu);
  const gpu = new GpuSupport(
    "gpu",
    {
      charts,
      api: detector.gpuApi,
      sharings: gpuGroups.map(([, { sharing }]) => sharing),
      metrics: false,
      checkImage: config.gpu.check && gpuGroups.length > 0 ? config.release.image : undefined,
    },
    { ...onCluster, dependsOn: addons },
  );
  if (!karpenter) {
    for (const [group, settings] of gpuGroups) {
      new NodeGroup(group, { ...settings, ...groupArgs(group) }, afterCluster);
    }
  }
  const { accountId } = aws.getCallerIdentityOutput();
  const { partition } = aws.getPartitionOutput();
  const scaling = new Scaling(
    "scaling",
    {
      clusterName,
      location: { region, accountId, partition },
      kubernetesVersion: config.cluster.version,
      settings: config.scaling,
      nodes,
      gpuApi: detector.gpuApi,
      zones: groupZones,
      devicePlugin: gpu,
      placement: { nodeSelector: {}, tolerations: [] },
      charts,
      serviceMonitors: false,
      subnets: network.privateSubnets,
      securityGroupId: cluster.securityGroupId,
      tags,
    },
    { ...onCluster, dependsOn: addons },
  );
  return { provider: cluster.provider, clusterName: cluster.name, ready: [addons, gpu, scaling] };
}

/** The region that AWS resources are made in. */
function chosenRegion(): string {
  const { region } = aws.config;
  if (region !== undefined) return region;
  throw new pulumi.RunError(
    "Expected a region for aws:region but received nothing. " +
      "Choose one by `pulumi config set aws:region us-west-2`, or by AWS_REGION.",
  );
}

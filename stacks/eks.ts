import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { ClusterAddons } from "../infra/cluster/addons.ts";
import { Cluster } from "../infra/cluster/cluster.ts";
import { priceTable } from "../infra/cost/prices.ts";
import { GpuSupport } from "../infra/gpu/gpu-support.ts";
import { DetectorMonitoring } from "../infra/monitoring/detector-monitoring.ts";
import { Monitoring } from "../infra/monitoring/monitoring.ts";
import { Network } from "../infra/network/network.ts";
import { zonesOffering } from "../infra/network/offerings.ts";
import { chooseZones } from "../infra/network/zones.ts";
import { POOL_LABEL } from "../infra/nodes/labels.ts";
import { NodeGroup, type NodeGroupArgs } from "../infra/nodes/node-group.ts";
import { NodeRole } from "../infra/nodes/node-role.ts";
import { KEDA_NAMESPACE } from "../infra/scaling/keda.ts";
import { Scaling } from "../infra/scaling/scaling.ts";
import type { Platform } from "./cluster.ts";
import type { EksStackConfig, StackSecrets } from "./config/index.ts";

/** Makes the cluster of a stack on Amazon EKS. Throws a RunError when no region is chosen. */
export async function makePlatform(config: EksStackConfig, secrets: StackSecrets): Promise<Platform> {
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
  const placement = { nodeSelector: { [POOL_LABEL]: "system" }, tolerations: [] };
  const monitoring = new Monitoring(
    "monitoring",
    {
      clusterName,
      settings: config.monitoring,
      charts,
      placement,
      readers: config.scaling.keda.enabled ? [KEDA_NAMESPACE] : [],
      gpus: gpuGroups.length > 0,
      prices: priceTable(region)?.instances,
      grafanaPassword: secrets.grafanaPassword ?? "",
      receiverSecrets: secrets.receivers,
    },
    { ...onCluster, dependsOn: addons },
  );
  // P17: a chart with a ServiceMonitor fails where nothing knows what that is.
  const afterMonitoring = { ...onCluster, dependsOn: [addons, monitoring.definitions] };
  const gpu = new GpuSupport(
    "gpu",
    {
      charts,
      api: detector.gpuApi,
      sharings: gpuGroups.map(([, { sharing }]) => sharing),
      metrics: true,
      checkImage: config.gpu.check && gpuGroups.length > 0 ? config.release.image : undefined,
    },
    afterMonitoring,
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
      placement,
      charts,
      serviceMonitors: true,
      subnets: network.privateSubnets,
      securityGroupId: cluster.securityGroupId,
      tags,
    },
    afterMonitoring,
  );
  return {
    provider: cluster.provider,
    ready: [addons, gpu, scaling],
    watch(service) {
      const { slo, runbookUrl } = config.monitoring;
      new DetectorMonitoring(
        "detector-monitoring",
        { detector: { ...detector, name: "detector", model: config.release.model }, slo, runbookUrl },
        { provider: cluster.provider, dependsOn: [monitoring.definitions, service] },
      );
    },
  };
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

import type * as pulumi from "@pulumi/pulumi";
import { priceTable } from "../../infra/cost/prices.ts";
import { LoadBalancerController } from "../../infra/exposure/load-balancer-controller.ts";
import { GpuCheck } from "../../infra/gpu/gpu-check.ts";
import { GpuSupport } from "../../infra/gpu/gpu-support.ts";
import { ModelCache } from "../../infra/model-store/model-cache.ts";
import { ModelStore } from "../../infra/model-store/model-store.ts";
import { Monitoring } from "../../infra/monitoring/monitoring.ts";
import { POOL_LABEL } from "../../infra/nodes/labels.ts";
import { KEDA_NAMESPACE } from "../../infra/scaling/keda.ts";
import { Scaling } from "../../infra/scaling/scaling.ts";
import type { EksStackConfig, StackSecrets } from "../config/index.ts";
import { modelBucket } from "../config/model-store.ts";
import type { Foundation } from "./foundation.ts";
import type { Site } from "./site.ts";

/** Name of the Detector component, and so of its service account. */
export const DETECTOR = "detector";

/** What runs on the cluster for the service. */
export interface Services {
  monitoring: Monitoring;
  /** Missing where models lie elsewhere. */
  models: ModelStore | undefined;
  /** Missing where nothing is exposed. */
  balancers: LoadBalancerController | undefined;
  /** What must be there before a pod of the service, and still be there when it goes. */
  ready: pulumi.Resource[];
}

/** Makes what lets the service use GPUs, scale, keep models, be watched and be reached. */
export function makeServices(
  config: EksStackConfig,
  secrets: StackSecrets,
  site: Site,
  { network, cluster, addons, gpuNodes, onCluster }: Foundation,
): Services {
  const { charts, nodes, detector, exposure, modelStore } = config;
  const { clusterName, tags } = site;
  const { version } = config.cluster;
  const placement = { nodeSelector: { [POOL_LABEL]: "system" }, tolerations: [] };
  const gpuGroups = Object.values(nodes.gpu);

  const monitoring = new Monitoring(
    "monitoring",
    {
      clusterName,
      settings: config.monitoring,
      charts,
      placement,
      readers: config.scaling.keda.enabled ? [KEDA_NAMESPACE] : [],
      gpus: gpuGroups.length > 0,
      prices: priceTable(site.region)?.instances,
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
      sharings: gpuGroups.map(({ sharing }) => sharing),
      metrics: true,
    },
    afterMonitoring,
  );
  const scaling = new Scaling(
    "scaling",
    {
      clusterName,
      location: site,
      kubernetesVersion: version,
      settings: config.scaling,
      nodes,
      gpuApi: detector.gpuApi,
      zones: site.groupZones,
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
  const checkImage = config.gpu.check && config.serve && gpuGroups.length > 0 ? config.release?.image : undefined;
  const check =
    checkImage === undefined
      ? undefined
      : new GpuCheck(
          "gpu-check",
          { namespace: gpu.namespace, api: detector.gpuApi, image: checkImage },
          { ...onCluster, dependsOn: [gpu, scaling, ...gpuNodes] },
        );

  const bucket = modelBucket(modelStore);
  const reader = { clusterName: cluster.name, namespace: detector.namespace, serviceAccount: DETECTOR };
  const models = bucket && new ModelStore("models", { ...site, settings: bucket, reader, protect: config.protect });
  const cache =
    modelStore.efs &&
    new ModelCache(
      "model-cache",
      {
        ...modelStore.efs,
        clusterName,
        kubernetesVersion: version,
        location: site,
        vpcId: network.vpcId,
        subnets: network.privateSubnets,
        nodeSecurityGroupId: cluster.securityGroupId,
      },
      { ...onCluster, dependsOn: addons },
    );
  const balancers =
    exposure.via === "none"
      ? undefined
      : new LoadBalancerController(
          "balancers",
          {
            clusterName,
            location: site,
            vpcId: network.vpcId,
            placement,
            charts,
            serviceMonitors: true,
            tags,
            gateway: exposure.via === "gateway",
            gatewayDefinitions: exposure.via === "gateway" ? exposure.definitions : undefined,
          },
          afterMonitoring,
        );
  // P11: GPU nodes too go after the service's pods, or the volumes of these would stay attached to nodes that are gone.
  const ready = [addons, ...gpuNodes, gpu, scaling, check, models, cache, balancers].filter(
    (each) => each !== undefined,
  );
  return { monitoring, models, balancers, ready };
}

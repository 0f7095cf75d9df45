import { type EstimateInput, estimatedGroups } from "../../infra/cost/estimate.ts";
import type { EksStackConfig } from "../config/index.ts";
import { modelBucket } from "../config/model-store.ts";
import type { Site } from "./site.ts";

/** What of a stack is billed by the hour, or by the month and size. */
export function estimateInput(
  { network, nodes, exposure, monitoring, modelStore, registry }: EksStackConfig,
  { region, zones }: Pick<Site, "region" | "zones">,
): EstimateInput {
  const bucket = modelBucket(modelStore);
  return {
    region,
    natGateways: network.nat === "perZone" ? zones.length : 1,
    loadBalancers: {
      count: exposure.via === "none" ? 0 : 1,
      publicAddresses: exposure.via !== "none" && exposure.scheme === "public" ? zones.length : 0,
    },
    interfaceEndpoints: network.interfaceEndpoints.length * zones.length,
    kmsKeys: [
      // For its Secrets.
      "cluster",
      ...(bucket?.make && bucket.encryption === "kms" ? ["models"] : []),
      ...(registry?.encryption === "kms" ? ["registry"] : []),
    ],
    volumesGib: {
      Prometheus: monitoring.replicas * monitoring.storageGib,
      Alertmanager: monitoring.alertmanager.replicas * monitoring.alertmanager.storageGib,
    },
    nodeGroups: estimatedGroups(nodes),
  };
}

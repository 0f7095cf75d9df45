import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ChartSource } from "../charts.ts";
import { CHARTS } from "../versions.ts";

/** Release of the Gateway API that the controller is built for: https://github.com/kubernetes-sigs/aws-load-balancer-controller/releases/tag/v3.5.0 */
export const GATEWAY_API_VERSION = "v1.6.0";

/** Definitions of the Gateway API's standard channel: https://gateway-api.sigs.k8s.io/guides/#install-standard-channel */
const GATEWAY_API_MANIFEST = `https://github.com/kubernetes-sigs/gateway-api/releases/download/${GATEWAY_API_VERSION}/standard-install.yaml`;

/** Folder of the chart in the controller's repository, at the chart's version. */
const CHART_ADDRESS =
  "https://raw.githubusercontent.com/kubernetes-sigs/aws-load-balancer-controller/" +
  `v${CHARTS.awsLoadBalancerController.version}/helm/aws-load-balancer-controller`;

/** Files of the chart with the controller's own definitions. */
const CHART_FILES = ["crds/crds.yaml", "crds/gateway-crds.yaml"];

/** File with the Gateway API's definitions in a folder of charts. */
const GATEWAY_FILE = "gateway-api/standard-install.yaml";

/** Where the controller's own definitions come from; none where Helm installs them with the chart. */
export function controllerDefinitions(source: ChartSource): string[] {
  switch (source.from) {
    case "upstream":
      return CHART_FILES.map((file) => `${CHART_ADDRESS}/${file}`);
    case "directory":
      return CHART_FILES.map((file) => join(source.path, "aws-load-balancer-controller", file)).filter(existsSync);
    case "mirror":
      // A repository of charts serves no single file of one.
      return [];
  }
}

/** Where the Gateway API's definitions come from. */
export function gatewayDefinitions(source: ChartSource): string {
  return source.from === "directory" ? join(source.path, GATEWAY_FILE) : GATEWAY_API_MANIFEST;
}

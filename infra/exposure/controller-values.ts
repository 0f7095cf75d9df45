import {
  CONTAINER_SECURITY,
  DISRUPTION_BUDGET,
  POD_SECURITY,
  resources,
  SYSTEM_NAMESPACE,
  spread,
} from "../scaling/system-pods.ts";
import type { LoadBalancerControllerArgs } from "./args.ts";

/** Name of the service account, and of what the chart makes. */
export const CONTROLLER = "aws-load-balancer-controller";

/** Name of the class of Ingresses, and of Gateways, that the controller serves. */
export const LOAD_BALANCER_CLASS = "alb";

/** Pods of which one works and the others wait to take over; all of them answer the API server's questions. */
const REPLICAS = 2;

/** What the values depend on. */
export interface ControllerValuesArgs
  extends Pick<
    LoadBalancerControllerArgs,
    "clusterName" | "vpcId" | "placement" | "serviceMonitors" | "tags" | "gateway"
  > {
  region: string;
  /** Name of the chart's release, which the chart labels its pods with. */
  release: string;
}

/** Values of the aws-load-balancer-controller chart. */
export function controllerValues(args: ControllerValuesArgs) {
  const { placement } = args;
  const podLabels = { "app.kubernetes.io/instance": args.release, "app.kubernetes.io/name": CONTROLLER };
  return {
    fullnameOverride: CONTROLLER,
    clusterName: args.clusterName,
    // Pods cannot ask the instance for its region and VPC: its metadata is one hop away.
    region: args.region,
    vpcId: args.vpcId,
    replicaCount: REPLICAS,
    serviceAccount: { name: CONTROLLER },
    ingressClass: LOAD_BALANCER_CLASS,
    // Pods have addresses of the VPC, so that nothing has to pass through a port of each node.
    defaultTargetType: "ip",
    defaultTags: { ...args.tags },
    // The chart makes a certificate anew each time it is rendered; this keeps the first one.
    keepTLSSecret: true,
    // Only what the policy of its role has rights for.
    enableShield: false,
    enableWaf: false,
    enableWafv2: true,
    // It would keep every Service from being made while the controller is not there, and serves Network Load Balancers only.
    enableServiceMutatorWebhook: false,
    controllerConfig: {
      featureGates: { EnableServiceController: false, NLBGatewayAPI: false, ALBGatewayAPI: args.gateway },
    },
    resources: resources("100m", "200Mi", "400Mi"),
    podDisruptionBudget: DISRUPTION_BUDGET,
    podSecurityContext: { ...POD_SECURITY, fsGroup: POD_SECURITY.runAsGroup },
    securityContext: { ...CONTAINER_SECURITY, runAsNonRoot: true },
    nodeSelector: { ...placement.nodeSelector },
    tolerations: [...placement.tolerations],
    topologySpreadConstraints: spread(podLabels),
    serviceMonitor: { enabled: args.serviceMonitors, namespace: SYSTEM_NAMESPACE, interval: "30s" },
  };
}

import { PATHS } from "../../service/contract.ts";
import type { Peer } from "../detector/args.ts";
import type { SubnetPlan } from "../network/subnets.ts";
import type { Drain, ExposureArgs, ExposureSettings } from "./args.ts";

/**
 * Label of a namespace whose new pods count as ready once the load balancer finds them healthy: without it a rollout ends old
 * pods before anything is sent to new ones.
 * Source: https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/pod_readiness_gate/
 */
export const READINESS_GATE_LABELS: Readonly<Record<string, string>> = {
  "elbv2.k8s.aws/pod-readiness-gate-inject": "enabled",
};

/** How the load balancer asks pods whether they want requests: twice as often as it may take a pod to stop. */
export const HEALTH_CHECK = { path: PATHS.ready, intervalSeconds: 5, timeoutSeconds: 3, threshold: 2 } as const;

/** Paths that are for the cluster, and that the load balancer answers 404. */
export const PRIVATE_PATHS = [PATHS.metrics] as const;

/** Schemes, as AWS calls them. */
export const SCHEMES = { internal: "internal", public: "internet-facing" } as const;

/** Addresses that may call. */
export function allowedRanges({ sourceRanges, vpcCidr }: Pick<ExposureArgs, "sourceRanges" | "vpcCidr">): string[] {
  return sourceRanges.length > 0 ? [...sourceRanges] : [vpcCidr];
}

/**
 * Attributes of the target group. A pod that leaves it keeps its open connections for as long as it takes requests and answers
 * the last of them. Requests take very unlike times: the next goes to the pod that has the fewest.
 * Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
 */
export function targetGroupAttributes({ drainSeconds, requestTimeoutMs }: Drain): Record<string, string> {
  return {
    "deregistration_delay.timeout_seconds": String(drainSeconds + Math.ceil(requestTimeoutMs / 1000)),
    "load_balancing.algorithm.type": "least_outstanding_requests",
  };
}

/** Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#load-balancer-attributes */
export function balancerAttributes({ idleTimeoutSeconds }: Pick<ExposureSettings, "idleTimeoutSeconds">) {
  return {
    "idle_timeout.timeout_seconds": String(idleTimeoutSeconds),
    // Requests that servers understand in different ways are how one caller smuggles requests into another's connection.
    "routing.http.drop_invalid_header_fields.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
  };
}

/**
 * From where the load balancer's requests come: its subnets, whose addresses a network policy must let in (`detector.allowFrom`).
 * For `internal` these are the private ones, in which pods and nodes lie as well.
 */
export function loadBalancerPeers(scheme: ExposureSettings["scheme"], subnets: readonly SubnetPlan[]): Peer[] {
  return subnets.map(({ publicCidr, privateCidr }) => ({ cidr: scheme === "public" ? publicCidr : privateCidr }));
}

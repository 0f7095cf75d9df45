import type * as pulumi from "@pulumi/pulumi";
import type { AwsLocation } from "../aws-location.ts";
import type { ChartSource } from "../charts.ts";
import type { Placement } from "../scaling/args.ts";

/**
 * Policies of TLS that take 1.2 and 1.3 or 1.3 only, with forward secrecy; those of 2025 also agree on keys that a quantum
 * computer does not find. Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
 */
export const TLS_POLICIES = [
  "ELBSecurityPolicy-TLS13-1-2-2021-06",
  "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
  "ELBSecurityPolicy-TLS13-1-3-2021-06",
  "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
  "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
  "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
] as const;

/** Name of a policy of TLS. */
export type TlsPolicy = (typeof TLS_POLICIES)[number];

/**
 * Rule groups that AWS maintains, in the order in which they are asked.
 * Source: https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
 */
export const MANAGED_RULE_GROUPS = {
  ipReputation: "AWSManagedRulesAmazonIpReputationList",
  anonymousIp: "AWSManagedRulesAnonymousIpList",
  common: "AWSManagedRulesCommonRuleSet",
  knownBadInputs: "AWSManagedRulesKnownBadInputsRuleSet",
} as const;

/** Short name of a rule group. */
export type ManagedRuleGroup = keyof typeof MANAGED_RULE_GROUPS;

/** What looks at requests before the load balancer passes them on. */
export interface WafSettings {
  ruleGroups: readonly ManagedRuleGroup[];
  /** Requests that one address may send in five minutes; no limit when left out. */
  requestsPerFiveMinutes?: number | undefined;
}

/** Values that are chosen per stack. Defaults are those of the stack's configuration (stacks/config/exposure.ts). */
export interface ExposureSettings {
  /** Objects of Kubernetes that describe the load balancer: Ingress, or those of the Gateway API, which can weigh traffic. */
  via: "ingress" | "gateway";
  /** Whether only the VPC, and networks connected with it, reach the load balancer, or the internet. */
  scheme: "internal" | "public";
  /** Certificate of ACM in the stack's region; without one there is no HTTPS. With one, HTTP is answered by a redirect. */
  certificateArn?: string | undefined;
  tlsPolicy: TlsPolicy;
  /** Names under which the service is called; any when empty. */
  hosts: readonly string[];
  /** Addresses that may call; those of the VPC for `internal` when empty. */
  sourceRanges: readonly string[];
  /** Seconds without a byte after which the load balancer closes a connection. */
  idleTimeoutSeconds: number;
  waf?: WafSettings | undefined;
}

/** How the service behind the load balancer stops, and how long it may take for an answer. */
export interface Drain {
  /** Seconds that a stopping pod still takes requests. */
  drainSeconds: number;
  requestTimeoutMs: number;
}

/** A second version of the service that gets a part of the traffic. */
export interface Canary {
  /** Name of its Service, in the same namespace. */
  service: pulumi.Input<string>;
  /** Percent of the requests; the rest goes to the stable version. */
  weight: number;
}

/** Arguments of the Exposure component. */
export interface ExposureArgs extends ExposureSettings {
  /** Name of the cluster, of which names in AWS are made. */
  clusterName: string;
  namespace: pulumi.Input<string>;
  /** Name of the Service, whose port is called `http`. */
  service: pulumi.Input<string>;
  /** Only with `gateway`. */
  canary?: Canary | undefined;
  drain: Drain;
  /** Addresses of the VPC. */
  vpcCidr: string;
  /** Whether Pulumi refuses to delete the load balancer, whose name others may have in their DNS. */
  protect: boolean;
}

/** Arguments of the LoadBalancerController component. */
export interface LoadBalancerControllerArgs {
  clusterName: string;
  location: AwsLocation;
  vpcId: pulumi.Input<string>;
  /** Nodes that the controller runs on. */
  placement: Placement;
  charts: ChartSource;
  /** Whether Prometheus reads its metrics by a ServiceMonitor, whose definition must exist already. */
  serviceMonitors: boolean;
  /** Tags of everything that it makes in AWS. */
  tags: Readonly<Record<string, string>>;
  /** Whether the Gateway API is there. */
  gateway: boolean;
  /** Manifest with the Gateway API's definitions, a path or an address, in place of where `charts` says. */
  gatewayDefinitions?: string | undefined;
}

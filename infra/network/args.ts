import type * as pulumi from "@pulumi/pulumi";
import type { LogRetentionDays } from "./log-retention.ts";

/**
 * AWS services with an interface endpoint that EKS, its nodes or this program's controllers call; S3 has a gateway endpoint.
 * Source: https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html#private-clusters-vpc-endpoints
 */
export const INTERFACE_ENDPOINTS = [
  "autoscaling",
  "ec2",
  "ecr.api",
  "ecr.dkr",
  "eks",
  "eks-auth",
  "elasticfilesystem",
  "elasticloadbalancing",
  "kms",
  "logs",
  "monitoring",
  "sqs",
  "ssm",
  "sts",
] as const;

/** Short name of a service with an interface endpoint. */
export type InterfaceEndpoint = (typeof INTERFACE_ENDPOINTS)[number];

/** Records of the network's connections. */
export interface FlowLogs {
  retentionDays: LogRetentionDays;
  /** Connections that are recorded. */
  traffic: "all" | "rejected";
}

/** Values that are chosen per stack. Defaults are those of the stack's configuration (stacks/config/network.ts). */
export interface NetworkSettings {
  /** Addresses of the VPC, /16 to /20, private. */
  cidr: string;
  /** One NAT gateway, which is cheaper, or one in each zone, so that the others go on when a zone fails. */
  nat: "single" | "perZone";
  /** Services that are reached without the NAT gateway, at a price per hour and zone each. */
  interfaceEndpoints: readonly InterfaceEndpoint[];
  flowLogs?: FlowLogs | undefined;
}

/** Arguments of the Network component. */
export interface NetworkArgs extends NetworkSettings {
  /** Name of the cluster that the network is for. */
  clusterName: string;
  /** Zones with a public and a private subnet each: see chooseZones. */
  zones: readonly string[];
  region: pulumi.Input<string>;
  /** Whether Karpenter finds the private subnets by a tag. */
  karpenter: boolean;
  /** Whether Pulumi refuses to delete the VPC, its subnets and its outgoing addresses. */
  protect: boolean;
}

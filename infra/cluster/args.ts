import type * as pulumi from "@pulumi/pulumi";
import type { LogRetentionDays } from "../network/log-retention.ts";
import type { AddonName, KubernetesMinor } from "./addon-versions.ts";

/** Kinds of logs of the control plane: https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html */
export const CONTROL_PLANE_LOGS = ["api", "audit", "authenticator", "controllerManager", "scheduler"] as const;

/** A kind of logs of the control plane. */
export type ControlPlaneLog = (typeof CONTROL_PLANE_LOGS)[number];

/**
 * What an access entry lets somebody do, as the policy of EKS that grants it.
 * Source: https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
 */
export const ACCESS_POLICIES = {
  /** Everything, in the whole cluster. */
  clusterAdmin: "AmazonEKSClusterAdminPolicy",
  /** Everything but quotas and namespaces. */
  admin: "AmazonEKSAdminPolicy",
  /** Sees everything, Secrets included. */
  adminView: "AmazonEKSAdminViewPolicy",
  /** Changes what runs, and no permissions. */
  edit: "AmazonEKSEditPolicy",
  /** Sees everything but Secrets. */
  view: "AmazonEKSViewPolicy",
} as const;

/** Name of a policy for access entries. */
export type AccessPolicy = keyof typeof ACCESS_POLICIES;

/** Who may use the Kubernetes API, and for what. */
export interface AccessGrant {
  /** ARN of an IAM role or user; not that of who deploys, who has an entry already. */
  principalArn: string;
  policy: AccessPolicy;
  /** Namespaces to which the policy is limited; the whole cluster when left out. */
  namespaces?: readonly string[] | undefined;
}

/** Versions of add-ons that differ from those of ADDON_VERSIONS. */
export type AddonVersionChoice = Partial<Record<AddonName, string | undefined>>;

/** Values that are chosen per stack. Defaults are those of the stack's configuration (stacks/config/cluster.ts). */
export interface ClusterSettings {
  version: KubernetesMinor;
  endpoint: {
    /** Public addresses from which the API server is reached; without any it is reached from the VPC only. */
    publicCidrs: readonly string[];
    /** Addresses in the VPC, or in networks connected with it, that reach the API server besides its own nodes. */
    privateCidrs: readonly string[];
  };
  /** Grants by a name of their own. */
  access: Readonly<Record<string, AccessGrant>>;
  logs: readonly ControlPlaneLog[];
  logRetentionDays: LogRetentionDays;
  /** Addresses of Services: a range that no network has which the VPC is connected with. It can never change. */
  serviceCidr: string;
  addonVersions: AddonVersionChoice;
  /** Whether objects of a cluster that does not answer count as deleted: for tearing down a stack whose cluster is gone. */
  deleteUnreachable: boolean;
}

/** Arguments of the Cluster component. */
export interface ClusterArgs extends ClusterSettings {
  /** Name of the cluster, known before anything exists: tags and policies are made of it. */
  clusterName: string;
  vpcId: pulumi.Input<string>;
  /** Subnets in two zones or more. */
  privateSubnetIds: pulumi.Input<string>[];
  /** Whether Pulumi and EKS refuse to delete the cluster. */
  protect: boolean;
}

/** Arguments of the ClusterAddons component. */
export interface ClusterAddonsArgs {
  clusterName: pulumi.Input<string>;
  version: KubernetesMinor;
  addonVersions: AddonVersionChoice;
}

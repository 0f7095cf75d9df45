import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { PodIdentity } from "../pod-identity.ts";
import { ADDON_CONFIGURATION } from "./addon-configuration.ts";
import { type AddonName, addonVersion } from "./addon-versions.ts";
import type { ClusterAddonsArgs } from "./args.ts";
import { storageClassArgs } from "./storage-class.ts";

/** What every other pod needs on its node: its network, Services, and roles of AWS. */
const NODE_ADDONS = ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"] as const satisfies AddonName[];

/** What runs as pods like any other. */
const POD_ADDONS = [
  "coredns",
  "metrics-server",
  "aws-ebs-csi-driver",
  "eks-node-monitoring-agent",
] as const satisfies AddonName[];

/** Where the EBS driver's controller runs: https://docs.aws.amazon.com/eks/latest/userguide/ebs-csi.html */
const EBS_ACCOUNT = { namespace: "kube-system", serviceAccount: "ebs-csi-controller-sa" };

/**
 * Lets the driver manage volumes that it tagged itself, and no others. It says what the first version of this policy did not.
 * Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEBSCSIDriverPolicyV2.html
 */
const EBS_POLICY_ARN = "arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2";

/**
 * The add-ons of EKS, each at a pinned version, and the storage class on which every volume is encrypted. The component must
 * depend on the first nodes (P8): CoreDNS without a node to run on is "degraded" until its creation fails.
 */
export class ClusterAddons extends pulumi.ComponentResource {
  /** Name of the default storage class. */
  readonly storageClass: pulumi.Output<string>;

  constructor(name: string, args: ClusterAddonsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:ClusterAddons", name, {}, opts);
    const { clusterName } = args;
    const nodeAddons = NODE_ADDONS.map((addon) => this.#addon(name, addon, args, []));
    const ebsRole = new PodIdentity(
      `${name}-ebs`,
      { clusterName, ...EBS_ACCOUNT, managedPolicyArns: [EBS_POLICY_ARN] },
      { parent: this },
    );
    const podAddons = POD_ADDONS.map((addon) =>
      this.#addon(name, addon, args, addon === "aws-ebs-csi-driver" ? [...nodeAddons, ebsRole] : nodeAddons),
    );
    const storageClass = new k8s.storage.v1.StorageClass(name, storageClassArgs(clusterName), {
      parent: this,
      dependsOn: podAddons,
    });

    this.storageClass = storageClass.metadata.name;
    this.registerOutputs({ storageClass: this.storageClass });
  }

  #addon(
    name: string,
    addon: AddonName,
    { clusterName, version, addonVersions }: ClusterAddonsArgs,
    dependsOn: pulumi.Resource[],
  ): aws.eks.Addon {
    const configuration = ADDON_CONFIGURATION[addon];
    return new aws.eks.Addon(
      `${name}-${addon}`,
      {
        clusterName,
        addonName: addon,
        addonVersion: addonVersion(addon, version, addonVersions),
        ...(configuration !== undefined && { configurationValues: JSON.stringify(configuration) }),
        // EKS put some of them on the cluster already, not yet as add-ons; what the program says stands.
        resolveConflictsOnCreate: "OVERWRITE",
        resolveConflictsOnUpdate: "OVERWRITE",
        // P11: nodes end after the add-ons, and need these three until then: without the network add-on nobody gives its
        // interfaces back. They go with the cluster.
        preserve: NODE_ADDONS.some((each) => each === addon),
      },
      { parent: this, dependsOn },
    );
  }
}

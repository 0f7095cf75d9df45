/**
 * Kubernetes versions that this program runs. EKS ends standard support of 1.34 on 2026-12-02 and of 1.35 on 2027-03-27, and
 * with `upgradePolicy` STANDARD raises a cluster by itself then.
 * Source: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html#kubernetes-release-calendar
 */
export const KUBERNETES_MINORS = ["1.34", "1.35", "1.36"] as const;

/** A Kubernetes version. */
export type KubernetesMinor = (typeof KUBERNETES_MINORS)[number];

/** Add-ons of EKS that every cluster has. */
export const ADDONS = [
  "vpc-cni",
  "kube-proxy",
  "eks-pod-identity-agent",
  "coredns",
  "metrics-server",
  "aws-ebs-csi-driver",
  "eks-node-monitoring-agent",
] as const;

/** Name of an add-on. */
export type AddonName = (typeof ADDONS)[number];

/** Matches the version of an add-on. */
export const ADDON_VERSION_FORM = /^v\d+\.\d+\.\d+-eksbuild\.\d+$/;

/** Builds that are the same for all Kubernetes versions of the table. */
const COMMON = {
  // https://docs.aws.amazon.com/eks/latest/userguide/managing-vpc-cni.html
  "vpc-cni": "v1.22.4-eksbuild.3",
  // https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html
  "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
  // https://docs.aws.amazon.com/eks/latest/userguide/community-addons.html#metrics-server
  "metrics-server": "v0.9.0-eksbuild.11",
  // https://docs.aws.amazon.com/eks/latest/userguide/ebs-csi.html
  "aws-ebs-csi-driver": "v1.66.0-eksbuild.1",
  // https://github.com/aws/eks-node-monitoring-agent/releases (seen on clusters of 1.35; .../v1.7.2 only with 1.36)
  "eks-node-monitoring-agent": "v1.7.0-eksbuild.1",
} as const;

/**
 * The version of each add-on (P9: nothing asks AWS for the newest one, so that no `up` moves one by itself).
 *
 * Where they come from: none could be asked of AWS from where this was written. AWS's pages named below list the newest builds
 * of kube-proxy and CoreDNS in early 2026 (v1.35.3-eksbuild.2, v1.34.6-eksbuild.2, v1.13.2-eksbuild.4). The builds here are
 * newer: those that public repositories recorded in September and October 2026 from `aws eks describe-addon-versions` as EKS's
 * defaults, or from running clusters of these versions. Ask before the first `up`, and set `cluster.addonVersions` where AWS
 * answers otherwise:
 *
 *     aws eks describe-addon-versions --kubernetes-version 1.35 --addon-name coredns --query 'addons[].addonVersions[].addonVersion'
 */
export const ADDON_VERSIONS: Readonly<Record<KubernetesMinor, Readonly<Record<AddonName, string>>>> = {
  "1.34": {
    ...COMMON,
    // https://docs.aws.amazon.com/eks/latest/userguide/managing-kube-proxy.html
    "kube-proxy": "v1.34.6-eksbuild.29",
    // https://docs.aws.amazon.com/eks/latest/userguide/managing-coredns.html
    coredns: "v1.12.4-eksbuild.38",
  },
  "1.35": {
    ...COMMON,
    "kube-proxy": "v1.35.3-eksbuild.29",
    coredns: "v1.13.2-eksbuild.31",
  },
  "1.36": {
    ...COMMON,
    "kube-proxy": "v1.36.0-eksbuild.25",
    coredns: "v1.14.3-eksbuild.23",
    "eks-node-monitoring-agent": "v1.7.2-eksbuild.1",
  },
};

/** The version of an add-on: what a stack says, or the table. */
export function addonVersion(
  addon: AddonName,
  minor: KubernetesMinor,
  chosen: Readonly<Partial<Record<AddonName, string | undefined>>>,
): string {
  return chosen[addon] ?? ADDON_VERSIONS[minor][addon];
}

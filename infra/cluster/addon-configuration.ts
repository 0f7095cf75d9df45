import { GPU_TOLERATION } from "../nodes/labels.ts";
import type { AddonName } from "./addon-versions.ts";

/**
 * What differs from the add-ons' own defaults.
 * Their schemas: `aws eks describe-addon-configuration --addon-name vpc-cni --addon-version v1.22.4-eksbuild.3`
 */
export const ADDON_CONFIGURATION: Readonly<Record<AddonName, Readonly<Record<string, unknown>> | undefined>> = {
  // Without it a cluster accepts network policies and enforces none. The text "true" is what the schema wants:
  // https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html
  "vpc-cni": { enableNetworkPolicy: "true" },
  "kube-proxy": undefined,
  "eks-pod-identity-agent": undefined,
  coredns: undefined,
  "metrics-server": undefined,
  "aws-ebs-csi-driver": undefined,
  // P24: GPU nodes are tainted, and what asks the GPUs how they are tolerates no taint by default:
  // https://github.com/aws/eks-node-monitoring-agent/blob/main/charts/configuration.schema.json
  "eks-node-monitoring-agent": {
    dcgmAgent: { tolerations: [GPU_TOLERATION] },
  },
};

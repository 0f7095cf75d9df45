/** A Helm chart at one version. */
export interface ChartPin {
  /** Name of the chart, or its whole `oci:` address where it is in no repository with an index. */
  chart: string;
  /** Repository with an index; missing for an `oci:` address. */
  repository?: string;
  version: string;
}

/** Every Helm chart that the program installs. */
export const CHARTS = {
  // https://github.com/prometheus-community/helm-charts/tree/main/charts/prometheus-operator-crds (v0.93.1, as the next one's)
  prometheusOperatorCrds: {
    chart: "prometheus-operator-crds",
    repository: "https://prometheus-community.github.io/helm-charts",
    version: "31.0.1",
  },
  // https://github.com/prometheus-community/helm-charts/tree/main/charts/kube-prometheus-stack
  kubePrometheusStack: {
    chart: "kube-prometheus-stack",
    repository: "https://prometheus-community.github.io/helm-charts",
    version: "88.5.3",
  },
  // https://github.com/NVIDIA/k8s-device-plugin/tree/main/deployments/helm/nvidia-device-plugin
  nvidiaDevicePlugin: {
    chart: "nvidia-device-plugin",
    repository: "https://nvidia.github.io/k8s-device-plugin",
    version: "0.20.0",
  },
  // https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu/releases/tag/v0.4.1
  nvidiaDraDriver: {
    chart: "oci://registry.k8s.io/dra-driver-nvidia/charts/dra-driver-nvidia-gpu",
    version: "0.4.1",
  },
  // https://github.com/NVIDIA/dcgm-exporter/tree/main/deployment
  dcgmExporter: {
    chart: "dcgm-exporter",
    repository: "https://nvidia.github.io/dcgm-exporter/helm-charts",
    version: "4.8.2",
  },
  // https://github.com/kedacore/charts/tree/main/keda
  keda: { chart: "keda", repository: "https://kedacore.github.io/charts", version: "2.20.2" },
  // https://github.com/kubernetes/autoscaler/tree/master/charts/cluster-autoscaler
  clusterAutoscaler: {
    chart: "cluster-autoscaler",
    repository: "https://kubernetes.github.io/autoscaler",
    version: "9.59.0",
  },
  // https://karpenter.sh/docs/getting-started/getting-started-with-karpenter/
  karpenterCrd: { chart: "oci://public.ecr.aws/karpenter/karpenter-crd", version: "1.14.1" },
  karpenter: { chart: "oci://public.ecr.aws/karpenter/karpenter", version: "1.14.1" },
  // https://github.com/kubernetes-sigs/aws-load-balancer-controller/tree/main/helm/aws-load-balancer-controller
  awsLoadBalancerController: {
    chart: "aws-load-balancer-controller",
    repository: "https://aws.github.io/eks-charts",
    version: "3.5.0",
  },
} as const satisfies Record<string, ChartPin>;

/** Names of the charts. */
export type ChartName = keyof typeof CHARTS;

/**
 * Release of the nodes' AMI for each minor version of Kubernetes; all AMI types of one system have the same.
 * Sources: https://github.com/awslabs/amazon-eks-ami/releases, https://github.com/bottlerocket-os/bottlerocket/releases
 */
export const AMI_RELEASES = {
  "1.35": { al2023: "1.35.7-20260903", bottlerocket: "1.65.0-0be31b34" },
} as const;

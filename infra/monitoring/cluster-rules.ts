import type { Alert } from "./alerts.ts";
import { KUBE, KUBELET } from "./metrics.ts";
import { series } from "./promql.ts";

/** Alerts of the chart about the same things as ours, which would report each twice. */
export const REPLACED_ALERTS = [
  "KubeNodeNotReady",
  "KubePersistentVolumeFillingUp",
  "KubeletClientCertificateExpiration",
  "KubeletServerCertificateExpiration",
] as const;

/**
 * What the EKS node monitoring agent says of a node, besides Kubernetes' own `Ready`.
 * Source: https://docs.aws.amazon.com/eks/latest/userguide/node-repair.html
 */
const AGENT_CONDITIONS = [
  "AcceleratedHardwareReady",
  "ContainerRuntimeReady",
  "KernelReady",
  "NetworkingReady",
  "StorageReady",
] as const;

const SECONDS_PER_DAY = 86_400;

/** Days before the end of a certificate; the kubelet renews its own long before. */
const CERTIFICATE_DAYS = 7;

/** Alerts about nodes, volumes and certificates. */
export function clusterAlerts(): Alert[] {
  const free = `${series(KUBELET.volumeFree)} / ${series(KUBELET.volumeSize)}`;
  const soon = `< ${CERTIFICATE_DAYS * SECONDS_PER_DAY}`;
  return [
    {
      name: "YoloNodeNotReady",
      severity: "warning",
      expression: `${series(KUBE.nodeCondition, { condition: "Ready", status: "true" })} == 0`,
      minutes: 15,
      summary: "A node is not ready",
      description: "{{ $labels.node }} has not been ready for 15 minutes; EKS replaces it after half an hour.",
    },
    {
      name: "YoloNodeUnhealthy",
      severity: "warning",
      expression: `${series(KUBE.nodeCondition, { condition: { matches: AGENT_CONDITIONS.join("|") }, status: "false" })} == 1`,
      minutes: 5,
      summary: "A node reports broken hardware or software",
      description: "The node monitoring agent of {{ $labels.node }} says that {{ $labels.condition }} is false.",
    },
    {
      name: "YoloVolumeFilling",
      severity: "warning",
      expression: `${free} < 0.25 and predict_linear(${series(KUBELET.volumeFree)}[6h], 4 * ${SECONDS_PER_DAY}) < 0`,
      minutes: 60,
      summary: "A volume will be full in four days",
      description:
        "{{ $labels.persistentvolumeclaim }} in {{ $labels.namespace }} has {{ $value | humanizePercentage }} left, and shrinks.",
    },
    {
      name: "YoloVolumeAlmostFull",
      severity: "critical",
      expression: `${free} < 0.05`,
      minutes: 5,
      summary: "A volume is almost full",
      description:
        "{{ $labels.persistentvolumeclaim }} in {{ $labels.namespace }} has {{ $value | humanizePercentage }} left.",
    },
    {
      name: "YoloCertificateExpiring",
      severity: "warning",
      expression: `${series(KUBELET.clientCertificateTtl)} ${soon} or ${series(KUBELET.serverCertificateTtl)} ${soon}`,
      minutes: 60,
      summary: "A node's certificate ends soon",
      description:
        "The kubelet of {{ $labels.node }} does not renew its certificate, which ends in {{ $value | humanizeDuration }}.",
    },
  ];
}

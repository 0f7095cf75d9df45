import { gpuCountersCsv } from "../monitoring/metrics.ts";
import { GPU_PRESENT_LABEL, GPU_TOLERATION } from "../nodes/labels.ts";

/** Values of the dcgm-exporter chart: figures of each GPU, with the pod that uses it. */
export function dcgmValues({ dra }: { dra: boolean }) {
  return {
    // P28: by default it tolerates no GPU node, and runs on every other one, where it crashes for lack of NVIDIA's library.
    nodeSelector: { [GPU_PRESENT_LABEL]: "true" },
    tolerations: [{ ...GPU_TOLERATION }],
    // P28: half of this was not enough for several users.
    resources: { requests: { cpu: "50m", memory: "256Mi" }, limits: { memory: "1Gi" } },
    // Root reads the kubelet's socket. NVIDIA's runtime gives GPUs to a container that asks for none, as this one, only with
    // SYS_ADMIN. Source: https://github.com/NVIDIA/dcgm-exporter/issues/279, https://github.com/awslabs/amazon-eks-ami/issues/2706
    securityContext: {
      runAsNonRoot: false,
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      capabilities: { add: ["SYS_ADMIN"], drop: ["ALL"] },
    },
    // P7: with it the label `pod` is the pod that uses the GPU, not the exporter's own.
    serviceMonitor: { enabled: true, interval: "15s", honorLabels: true },
    customMetrics: gpuCountersCsv(),
    kubernetesDRA: { enabled: dra },
  };
}

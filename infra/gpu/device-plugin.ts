import { DEVICE_PLUGIN_LABEL, GPU_PRESENT_LABEL, GPU_RESOURCE, GPU_TOLERATION } from "../nodes/labels.ts";
import { type GpuSharing, sharingName } from "./sharing.ts";

/**
 * What the device plugin reads for one way of sharing.
 * Source: https://github.com/NVIDIA/k8s-device-plugin#configuration-option-details
 */
export function pluginConfig(sharing: GpuSharing) {
  // The strategy "single" names every instance of a GPU alike, so that pods ask for the same resource in all modes.
  const flags = { migStrategy: sharing.mode === "mig" ? "single" : "none" };
  // Neither renamed, so that pods need not know, nor more than one to a pod: a second slice of a GPU is no second GPU.
  const share = (replicas: number) => ({ renameByDefault: false, resources: [{ name: GPU_RESOURCE, replicas }] });
  switch (sharing.mode) {
    case "none":
    case "mig":
      return { version: "v1", flags };
    case "timeSlicing":
      return {
        version: "v1",
        flags,
        sharing: { timeSlicing: { ...share(sharing.replicas), failRequestsGreaterThanOne: true } },
      };
    case "mps":
      return { version: "v1", flags, sharing: { mps: share(sharing.replicas) } };
  }
}

/** Name of the configuration for nodes without the label: whole GPUs. */
const DEFAULT: GpuSharing = { mode: "none" };

/** Values of NVIDIA's device plugin chart for nodes that share their GPUs in these ways. */
export function devicePluginValues(sharings: readonly GpuSharing[]) {
  const all = [DEFAULT, ...sharings];
  return {
    config: {
      // JSON is YAML, which the chart wants as text.
      map: Object.fromEntries(all.map((sharing) => [sharingName(sharing), JSON.stringify(pluginConfig(sharing))])),
      default: sharingName(DEFAULT),
    },
    // The default, a variable, NVIDIA's runtime ignores in pods without privileges on images since April 2026; containerd itself
    // adds these devices. Source: https://github.com/awslabs/amazon-eks-ami/issues/2706
    deviceListStrategy: "cdi-cri",
    // P2: the default terms wait for labels of node feature discovery, which is off. Bottlerocket runs a plugin of its own.
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            {
              matchExpressions: [
                { key: GPU_PRESENT_LABEL, operator: "In", values: ["true"] },
                { key: DEVICE_PLUGIN_LABEL, operator: "NotIn", values: ["built-in"] },
              ],
            },
          ],
        },
      },
    },
    tolerations: [{ ...GPU_TOLERATION }],
    gfd: { enabled: false },
    resources: {
      requests: { cpu: "10m", memory: "64Mi" },
      // The chart limits the MPS server, too, which all pods of a node work through, and whose need nobody states.
      ...(!sharings.some(({ mode }) => mode === "mps") && { limits: { memory: "128Mi" } }),
    },
  };
}

/**
 * How one GPU is divided between pods.
 * - `none`: a pod has a whole GPU.
 * - `timeSlicing`: `replicas` pods take turns; nothing separates their memory.
 * - `mps`: `replicas` pods run at once, each with an equal share of memory and threads (NVIDIA calls it experimental).
 * - `mig`: the GPU is split in hardware by a profile, into instances that are isolated from each other.
 * Source: https://github.com/NVIDIA/k8s-device-plugin#shared-access-to-gpus
 */
export type GpuSharing =
  | { mode: "none" }
  | { mode: "timeSlicing"; replicas: number }
  | { mode: "mps"; replicas: number }
  | { mode: "mig"; profile: string; instances: number };

/** How many pods, each asking for one `nvidia.com/gpu`, share one GPU. */
export function podsPerGpu(sharing: GpuSharing): number {
  switch (sharing.mode) {
    case "none":
      return 1;
    case "timeSlicing":
    case "mps":
      return sharing.replicas;
    case "mig":
      return sharing.instances;
  }
}

/** Name of a way of sharing: value of a node's label, and key of the device plugin's configurations. */
export function sharingName(sharing: GpuSharing): string {
  switch (sharing.mode) {
    case "none":
      return "none";
    case "timeSlicing":
      return `time-slicing-${sharing.replicas}`;
    case "mps":
      return `mps-${sharing.replicas}`;
    case "mig":
      return `mig-${sharing.profile}`;
  }
}

/** Label by which the device plugin knows how to share the GPUs of a node. */
const SHARING_LABEL = "nvidia.com/device-plugin.config";

/** Label of nodes on which the plugin's chart runs the MPS server; GPU feature discovery, which is off, would set it. */
const MPS_LABEL = "nvidia.com/mps.capable";

/** Labels of nodes whose GPUs are shared in this way. */
export function sharingLabels(sharing: GpuSharing): Record<string, string> {
  return { [SHARING_LABEL]: sharingName(sharing), ...(sharing.mode === "mps" && { [MPS_LABEL]: "true" }) };
}

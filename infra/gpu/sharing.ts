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

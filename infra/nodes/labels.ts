import { type AmiType, hasBuiltInDevicePlugin } from "./ami.ts";
import { GPUS, INSTANCE_TYPES, type InstanceTypeName } from "./instance-types.ts";

/** Resource by which pods ask for a GPU, or for a share of one. */
export const GPU_RESOURCE = "nvidia.com/gpu";

/** Label that every node with a GPU has; NVIDIA's charts run on nodes with the value `true`. */
export const GPU_PRESENT_LABEL = "nvidia.com/gpu.present";

/** Label by which Cluster Autoscaler knows that a node will have a GPU before its driver reports one. */
export const ACCELERATOR_LABEL = "k8s.amazonaws.com/accelerator";

/** Label of nodes whose system runs a device plugin of its own; the chart's must stay away from the value `built-in`. */
export const DEVICE_PLUGIN_LABEL = "yolo/device-plugin";

/** Label with the name of the node group's entry in the configuration. */
export const POOL_LABEL = "yolo/pool";

/** Taint of every node with a GPU, as EKS spells it: no pod lands there that does not tolerate it. */
export const GPU_TAINT = { key: GPU_RESOURCE, value: "true", effect: "NO_SCHEDULE" } as const;

/** The same taint as Kubernetes spells it. */
export const GPU_NODE_TAINT = { key: GPU_RESOURCE, value: "true", effect: "NoSchedule" } as const;

/** What a pod needs to run on a node with a GPU. */
export const GPU_TOLERATION = { key: GPU_RESOURCE, operator: "Exists", effect: "NoSchedule" } as const;

/** Labels of the nodes of one group with GPUs. */
export function gpuLabels(instanceTypes: readonly InstanceTypeName[], ami: AmiType): Record<string, string> {
  const accelerators = instanceTypes.flatMap((name) => {
    const { gpu } = INSTANCE_TYPES[name];
    return gpu === undefined ? [] : [GPUS[gpu].accelerator];
  });
  return {
    // P2: NFD is off, so nothing else puts this label on a node of EKS, and without it the device plugin runs nowhere.
    [GPU_PRESENT_LABEL]: "true",
    // P3: without it the autoscaler adds a second node while the first one's driver is still starting.
    [ACCELERATOR_LABEL]: [...new Set(accelerators)].sort().join("_"),
    ...(hasBuiltInDevicePlugin(ami) && { [DEVICE_PLUGIN_LABEL]: "built-in" }),
  };
}

import type * as k8s from "@pulumi/kubernetes";
import type { Input } from "@pulumi/pulumi";
import { GPU_PRESENT_LABEL, GPU_TOLERATION } from "../nodes/labels.ts";

/** Class of whole GPUs that NVIDIA's driver makes. */
export const GPU_DEVICE_CLASS = "gpu.nvidia.com";

/** Name by which a container refers to its claim. */
export const GPU_CLAIM = "gpu";

/**
 * Values of NVIDIA's driver for dynamic resource allocation: GPUs only, no domains of several nodes.
 * Source: https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu/blob/main/deployments/helm/dra-driver-nvidia-gpu/values.yaml
 */
export function draDriverValues() {
  return {
    // The driver lies on the host, as in Amazon's images, not in a container.
    nvidiaDriverRoot: "/",
    // The chart asks that one knows: device plugin and this driver on one node would give the same GPU away twice.
    gpuResourcesEnabledOverride: true,
    resources: { gpus: { enabled: true }, computeDomains: { enabled: false } },
    kubeletPlugin: {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: GPU_PRESENT_LABEL, operator: "In", values: ["true"] }] }],
          },
        },
      },
      tolerations: [{ ...GPU_TOLERATION }],
    },
  };
}

/** What each pod claims: so many whole GPUs, which it alone uses. */
export function gpuClaimSpec(count: number): k8s.types.input.resource.v1.ResourceClaimTemplateSpec {
  return {
    spec: {
      devices: { requests: [{ name: GPU_CLAIM, exactly: { deviceClassName: GPU_DEVICE_CLASS, count } }] },
    },
  };
}

/** A pod's reference to the template of its claim. */
export function podResourceClaims(templateName: Input<string>): k8s.types.input.core.v1.PodResourceClaim[] {
  return [{ name: GPU_CLAIM, resourceClaimTemplateName: templateName }];
}

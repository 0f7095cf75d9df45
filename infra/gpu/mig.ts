import type { GpuModel } from "../nodes/instance-types.ts";

/** What MIG makes of a model of GPU. */
interface MigFacts {
  /** How many instances of each profile one GPU holds. */
  instances: Readonly<Record<string, number>>;
  /** What Bottlerocket calls the model: https://bottlerocket.dev/en/os/1.54.x/api/settings/kubelet-device-plugins */
  bottlerocket: string;
}

/**
 * GPUs that MIG cuts into instances; the others of the instance table it does not.
 * Sources: https://docs.nvidia.com/datacenter/tesla/mig-user-guide/supported-mig-profiles.html, and for H200 and B200
 * https://github.com/NVIDIA/mig-parted/blob/main/deployments/systemd/config-default.yaml; what AWS names of them agrees:
 * https://docs.aws.amazon.com/eks/latest/userguide/device-management-nvidia-mig.html
 */
export const MIG: Readonly<Partial<Record<GpuModel, MigFacts>>> = {
  A100: {
    instances: { "1g.5gb": 7, "1g.10gb": 4, "2g.10gb": 3, "3g.20gb": 2, "4g.20gb": 1, "7g.40gb": 1 },
    bottlerocket: "a100.40gb",
  },
  "A100-80GB": {
    instances: { "1g.10gb": 7, "1g.20gb": 4, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1 },
    bottlerocket: "a100.80gb",
  },
  H100: {
    instances: { "1g.10gb": 7, "1g.20gb": 4, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1 },
    bottlerocket: "h100.80gb",
  },
  H200: {
    instances: { "1g.18gb": 7, "1g.35gb": 4, "2g.35gb": 3, "3g.71gb": 2, "4g.71gb": 1, "7g.141gb": 1 },
    bottlerocket: "h200.141gb",
  },
  B200: {
    instances: { "1g.23gb": 7, "1g.45gb": 4, "2g.45gb": 3, "3g.90gb": 2, "4g.90gb": 1, "7g.180gb": 1 },
    bottlerocket: "b200.180gb",
  },
};

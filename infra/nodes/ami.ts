import { AMI_RELEASES } from "../versions.ts";
import type { Architecture } from "./instance-types.ts";

/** What the program needs to know of an AMI type of EKS. */
interface AmiFacts {
  system: "al2023" | "bottlerocket";
  architecture: Architecture;
  /** Whether it has NVIDIA's driver and container toolkit. */
  nvidia: boolean;
}

/**
 * AMI types of managed node groups.
 * Sources: https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html,
 * https://docs.aws.amazon.com/eks/latest/userguide/ml-eks-optimized-ami.html
 */
export const AMI_TYPES = {
  AL2023_x86_64_STANDARD: { system: "al2023", architecture: "x86_64", nvidia: false },
  AL2023_ARM_64_STANDARD: { system: "al2023", architecture: "arm64", nvidia: false },
  AL2023_x86_64_NVIDIA: { system: "al2023", architecture: "x86_64", nvidia: true },
  AL2023_ARM_64_NVIDIA: { system: "al2023", architecture: "arm64", nvidia: true },
  BOTTLEROCKET_x86_64: { system: "bottlerocket", architecture: "x86_64", nvidia: false },
  BOTTLEROCKET_ARM_64: { system: "bottlerocket", architecture: "arm64", nvidia: false },
  BOTTLEROCKET_x86_64_NVIDIA: { system: "bottlerocket", architecture: "x86_64", nvidia: true },
  BOTTLEROCKET_ARM_64_NVIDIA: { system: "bottlerocket", architecture: "arm64", nvidia: true },
} as const satisfies Record<string, AmiFacts>;

/** Name of an AMI type. */
export type AmiType = keyof typeof AMI_TYPES;

/** Whether there is an AMI type of this name. */
export function isAmiType(name: string): name is AmiType {
  return Object.hasOwn(AMI_TYPES, name);
}

/**
 * Whether the system itself runs NVIDIA's device plugin: the chart's would be a second one, and the machine's own user data says
 * how the first one shares GPUs (user-data.ts). Source: https://docs.aws.amazon.com/eks/latest/userguide/ml-eks-k8s-device-plugin.html
 */
export function hasBuiltInDevicePlugin(ami: AmiType): boolean {
  return AMI_TYPES[ami].system === "bottlerocket" && AMI_TYPES[ami].nvidia;
}

/** What a release of the AMI type looks like: Amazon Linux names Kubernetes' version first, Bottlerocket its own. */
export function releasePattern(ami: AmiType, kubernetesVersion: string): { what: string; regex: RegExp } {
  return AMI_TYPES[ami].system === "al2023"
    ? {
        what: `a release of Amazon Linux for Kubernetes ${kubernetesVersion} (${kubernetesVersion}.<patch>-<YYYYMMDD>)`,
        regex: new RegExp(`^${kubernetesVersion.replaceAll(".", "\\.")}\\.\\d+-20\\d{6}$`),
      }
    : {
        what: "a release of Bottlerocket (<major>.<minor>.<patch>-<8 hexadecimal digits>)",
        // A date is hexadecimal too: without the first part releases of Amazon Linux would pass.
        regex: /^(?!.*-20\d{6}$)\d+\.\d+\.\d+-[0-9a-f]{8}$/,
      };
}

/**
 * The release of the AMI that nodes get: `chosen`, else the pinned one of this Kubernetes version; undefined where there is
 * neither, because no release may be chosen by its date.
 */
export function amiRelease(ami: AmiType, kubernetesVersion: string, chosen?: string): string | undefined {
  if (chosen !== undefined) return chosen;
  return Object.hasOwn(AMI_RELEASES, kubernetesVersion)
    ? AMI_RELEASES[kubernetesVersion as keyof typeof AMI_RELEASES][AMI_TYPES[ami].system]
    : undefined;
}

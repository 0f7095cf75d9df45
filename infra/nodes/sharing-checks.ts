import type { GpuApi } from "../detector/args.ts";
import { MIG } from "../gpu/mig.ts";
import type { GpuSharing } from "../gpu/sharing.ts";
import { type Problem, problem } from "../problems.ts";
import { AMI_TYPES, amiRelease, hasBuiltInDevicePlugin } from "./ami.ts";
import type { GpuGroupSettings } from "./args.ts";
import { INSTANCE_TYPES, type InstanceTypeName } from "./instance-types.ts";

/**
 * First minor release of Bottlerocket 1 that is known to share in all ways: time slicing came with 1.25, MIG with 1.34, and MPS is
 * documented since this one. Source: https://bottlerocket.dev/en/os/1.54.x/api/settings/kubelet-device-plugins
 */
const BOTTLEROCKET_MINOR = 54;

/** What a group can be checked by. */
type Group = Pick<GpuGroupSettings, "ami" | "instanceTypes" | "releaseVersion" | "sharing">;

/** What about sharing the GPUs of a group its machines cannot do. */
export function sharingProblems(group: Group, kubernetesVersion: string | undefined): Problem[] {
  const { ami, instanceTypes, releaseVersion, sharing } = group;
  if (sharing.mode === "none") return [];
  const release = kubernetesVersion === undefined ? releaseVersion : amiRelease(ami, kubernetesVersion, releaseVersion);
  return [
    ...(hasBuiltInDevicePlugin(ami) ? releaseProblems(release) : []),
    ...(sharing.mode === "mig" ? instanceTypes.flatMap((type) => migProblems(type, ami, sharing)) : []),
  ];
}

/** A setting that Bottlerocket does not know keeps the machine from starting. */
function releaseProblems(release: string | undefined): Problem[] {
  const [, minor] = /^1\.(\d+)\./.exec(release ?? "") ?? [];
  if (minor === undefined || Number(minor) >= BOTTLEROCKET_MINOR) return [];
  const expected = `at least 1.${BOTTLEROCKET_MINOR} of Bottlerocket, to share GPUs,`;
  return [problem(["releaseVersion"], expected, release)];
}

function migProblems(
  type: InstanceTypeName,
  ami: Group["ami"],
  { profile, instances }: Extract<GpuSharing, { mode: "mig" }>,
): Problem[] {
  const { gpu } = INSTANCE_TYPES[type];
  // Reported as a type without a GPU.
  if (gpu === undefined) return [];
  const facts = MIG[gpu];
  if (facts === undefined) {
    const able = Object.keys(MIG).join(", ");
    const expected = `timeSlicing, mps or none for the ${gpu} of ${type}, because only ${able} have MIG,`;
    return [problem(["sharing", "mode"], expected, "mig")];
  }
  const bottlerocket = AMI_TYPES[ami].system === "bottlerocket";
  const profiles = Object.entries(facts.instances).filter(([name]) => !bottlerocket || !takenForWhole(name));
  const most = profiles.find(([name]) => name === profile)?.[1];
  if (most === undefined) {
    const expected = `one of ${profiles.map(([name]) => name).join(", ")} for the ${gpu} of ${type}`;
    return [problem(["sharing", "profile"], expected, profile)];
  }
  if (bottlerocket && instances !== most) {
    const expected = `${most} with Bottlerocket, which makes as many of ${profile} as a GPU holds,`;
    return [problem(["sharing", "instances"], expected, instances)];
  }
  return instances > most ? [problem(["sharing", "instances"], `at most ${most} of ${profile}`, instances)] : [];
}

/**
 * Whether Bottlerocket makes one instance of the whole GPU instead, without a word.
 * Source: sources/nvidia-migmanager/src/mig_profile.rs of https://github.com/bottlerocket-os/bottlerocket-kernel-kit
 */
function takenForWhole(profile: string): boolean {
  return profile.startsWith("4g.");
}

/**
 * What of the groups does not go with claims (dra), where a pod gets whole GPUs from NVIDIA's driver; paths are those of a stack's
 * configuration.
 */
export function claimedGroupProblems(gpu: Readonly<Record<string, GpuGroupSettings>>, gpuApi: GpuApi): Problem[] {
  if (gpuApi !== "dra") return [];
  return Object.entries(gpu).flatMap(([name, { ami, sharing }]) => [
    ...(sharing.mode === "none"
      ? []
      : [
          problem(
            ["nodes", "gpu", name, "sharing", "mode"],
            "none where pods claim GPUs (dra), which are whole ones,",
            sharing.mode,
          ),
        ]),
    ...(hasBuiltInDevicePlugin(ami)
      ? [
          problem(
            ["nodes", "gpu", name, "ami"],
            "one of Amazon Linux where pods claim GPUs (dra): Bottlerocket's own device plugin would give the same ones away,",
            ami,
          ),
        ]
      : []),
  ]);
}

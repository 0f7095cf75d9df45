import type * as k8s from "@pulumi/kubernetes";
import type { HostPathVolume, ModelVolume, PodClaimVolume, PodVolume } from "./args.ts";

/** A volume that lives and ends with a pod. */
export type PassingVolume = PodVolume | PodClaimVolume;

/** A volume that lives longer than a pod, and is claimed. */
export type LastingVolume = Exclude<ModelVolume, PassingVolume>;

/** Whether a volume ends with its pod, so that it is empty when the pod starts. */
export function endsWithPod(volume: ModelVolume): volume is PassingVolume {
  return volume.type === "pod" || volume.type === "podClaim";
}

/**
 * The part of a pod that makes its own volume.
 * Source: https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes
 */
export function passingVolume(
  volume: PassingVolume,
  labels: Readonly<Record<string, string>>,
): Pick<k8s.types.input.core.v1.Volume, "emptyDir" | "ephemeral"> {
  const storage = `${volume.sizeGib}Gi`;
  if (volume.type === "pod") return { emptyDir: { sizeLimit: storage } };
  return {
    ephemeral: {
      volumeClaimTemplate: {
        metadata: { labels: { ...labels } },
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: volume.storageClass,
          resources: { requests: { storage } },
        },
      },
    },
  };
}

/** What makes a volume another one, of which Kubernetes changes nothing in place. The size of a provided volume can grow. */
export function volumeIdentity(volume: LastingVolume): Record<string, unknown> {
  if (volume.type === "hostPath") return { ...volume };
  return { type: volume.type, name: volume.name, accessMode: volume.accessMode };
}

/** Where the claim's volume comes from, as the parts of a claim's specification that differ. */
export function claimSpec(
  volume: LastingVolume,
  volumeName: string,
): k8s.types.input.core.v1.PersistentVolumeClaimSpec {
  const resources = { requests: { storage: `${volume.sizeGib}Gi` } };
  switch (volume.type) {
    case "hostPath":
      // An empty class keeps the cluster's default storage class from answering the claim.
      return { accessModes: ["ReadOnlyMany"], storageClassName: "", volumeName, resources };
    case "storageClass":
      return { accessModes: [volume.accessMode], storageClassName: volume.name, resources };
    default: {
      const unreachable: never = volume;
      return unreachable;
    }
  }
}

/** A volume on a folder of the node that only the named claim may bind, and whose files outlive it. */
export function hostPathVolumeSpec(
  volume: HostPathVolume,
  claim: { name: string; namespace: string },
): k8s.types.input.core.v1.PersistentVolumeSpec {
  return {
    accessModes: ["ReadOnlyMany"],
    capacity: { storage: `${volume.sizeGib}Gi` },
    claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", ...claim },
    // Without "Directory" the kubelet would make an empty folder where the path is mistyped.
    hostPath: { path: volume.path, type: "Directory" },
    persistentVolumeReclaimPolicy: "Retain",
    storageClassName: "",
    volumeMode: "Filesystem",
    ...(volume.node !== undefined && { nodeAffinity: onNode(volume.node) }),
  };
}

function onNode(hostname: string): k8s.types.input.core.v1.VolumeNodeAffinity {
  return {
    required: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [hostname] }] },
      ],
    },
  };
}

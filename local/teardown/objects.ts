import { objectKey } from "./state.ts";

/** An object on the cluster, as far as it is read here. */
export interface ClusterObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; ownerReferences?: { kind: string }[] };
  spec?: {
    type?: string;
    volumeName?: string;
    persistentVolumeReclaimPolicy?: string;
    csi?: { driver: string; volumeHandle: string };
    resources?: { requests?: { storage?: string } };
    claimRef?: { namespace: string; name: string };
  };
  status?: { phase?: string };
}

/** Kinds of every cluster that make something in AWS, as kubectl names them. */
export const BUILT_IN_KINDS = ["services", "ingresses.networking.k8s.io"] as const;

/** The same of definitions that a cluster may have. */
export const DEFINED_KINDS = [
  "gateways.gateway.networking.k8s.io",
  "nodepools.karpenter.sh",
  "nodeclaims.karpenter.sh",
] as const;

/** Drivers that delete a volume in AWS when its object goes. */
const DRIVERS: readonly (string | undefined)[] = ["ebs.csi.aws.com", "efs.csi.aws.com"];

/** Names an object as the state of a stack does. */
export function keyOf({ kind, metadata: { name, namespace } }: ClusterObject): string {
  return objectKey(kind, namespace === undefined ? name : `${namespace}/${name}`);
}

/**
 * Objects that the stack does not know of and whose controllers make load balancers or instances. The stack would take these
 * controllers away, and leave behind what they made.
 */
export function foreignMakers(objects: readonly ClusterObject[], own: ReadonlySet<string>): ClusterObject[] {
  return objects.filter((object) => {
    const { kind, metadata, spec } = object;
    if (own.has(keyOf(object))) return false;
    // These go with what owns them.
    if ((metadata.ownerReferences ?? []).length > 0) return false;
    return kind !== "Service" || spec?.type === "LoadBalancer";
  });
}

/** Volumes whose driver deletes them in AWS before their object is gone. */
export function passingVolumes(volumes: readonly ClusterObject[]): ClusterObject[] {
  return volumes.filter((volume) => isCloudVolume(volume) && passes(volume));
}

/** Volumes that stay in AWS when their object goes: somebody said so, or made them and nobody claimed them. */
export function keptVolumes(volumes: readonly ClusterObject[]): ClusterObject[] {
  return volumes.filter((volume) => isCloudVolume(volume) && !passes(volume));
}

function isCloudVolume({ spec }: ClusterObject): boolean {
  return DRIVERS.includes(spec?.csi?.driver);
}

function passes({ spec, status }: ClusterObject): boolean {
  return spec?.persistentVolumeReclaimPolicy === "Delete" && status?.phase !== "Available";
}

/** What an object is called in a list, with what else there is to tell. */
export function describeObject(object: ClusterObject): [string, string] {
  const { kind, metadata, spec, status } = object;
  const name = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
  const more = [
    kind === "PersistentVolumeClaim" ? spec?.resources?.requests?.storage : undefined,
    spec?.csi?.volumeHandle,
    spec?.claimRef && `of the claim ${spec.claimRef.namespace}/${spec.claimRef.name}`,
    kind === "PersistentVolume" ? status?.phase : undefined,
  ].filter((each) => each !== undefined);
  return [kind, [name, ...(more.length > 0 ? [`(${more.join(", ")})`] : [])].join(" ")];
}

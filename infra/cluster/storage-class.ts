import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** Name of the storage class of encrypted gp3 volumes. */
export const STORAGE_CLASS = "gp3";

/** Tag of each volume with the name of its cluster: what a teardown finds left volumes by. */
export const VOLUME_TAG = "yolo/cluster";

/**
 * The default storage class: encrypted gp3 volumes, made in the zone of the pod that first uses them, deleted with their claims.
 * Source: https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/parameters.md
 */
export function storageClassArgs(clusterName: pulumi.Input<string>): k8s.storage.v1.StorageClassArgs {
  return {
    metadata: {
      name: STORAGE_CLASS,
      annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
    },
    provisioner: "ebs.csi.aws.com",
    parameters: {
      type: "gp3",
      encrypted: "true",
      // https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/tagging.md
      tagSpecification_1: pulumi.interpolate`${VOLUME_TAG}=${clusterName}`,
    },
    reclaimPolicy: "Delete",
    allowVolumeExpansion: true,
    volumeBindingMode: "WaitForFirstConsumer",
  };
}

import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { CONTAINER } from "../../service/contract.ts";
import type { KubernetesMinor } from "../cluster/addon-versions.ts";

/** Name of the add-on. */
export const EFS_ADDON = "aws-efs-csi-driver";

/** Name of the storage class whose volumes are folders of the shared file system. */
export const CACHE_STORAGE_CLASS = "efs";

/** Where the driver's controller runs: https://docs.aws.amazon.com/eks/latest/userguide/efs-csi.html */
export const EFS_ACCOUNT = { namespace: "kube-system", serviceAccount: "efs-csi-controller-sa" } as const;

/**
 * Version of the add-on for each Kubernetes version (P9: nothing asks AWS for the newest one).
 * Sources: https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/CHANGELOG-3.x.md for the driver's releases; the
 * build is one that public repositories recorded in October 2026 beside those of infra/cluster/addon-versions.ts. Ask before
 * the first `up`, and set `modelStore.efs.driverVersion` where AWS answers otherwise:
 *
 *     aws eks describe-addon-versions --kubernetes-version 1.35 --addon-name aws-efs-csi-driver \
 *       --query 'addons[].addonVersions[].addonVersion'
 */
export const EFS_DRIVER_VERSIONS: Readonly<Record<KubernetesMinor, string>> = {
  "1.34": "v3.4.2-eksbuild.1",
  "1.35": "v3.4.2-eksbuild.1",
  "1.36": "v3.4.2-eksbuild.1",
};

/**
 * A storage class whose volumes are access points: folders that belong to the service's user, whoever writes to them. Every
 * connection is encrypted, which is the driver's default.
 * Source: https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/docs/parameters.md
 */
export function cacheStorageClassArgs(fileSystemId: pulumi.Input<string>): k8s.storage.v1.StorageClassArgs {
  return {
    metadata: { name: CACHE_STORAGE_CLASS },
    provisioner: "efs.csi.aws.com",
    parameters: {
      provisioningMode: "efs-ap",
      fileSystemId,
      directoryPerms: "700",
      uid: String(CONTAINER.uid),
      gid: String(CONTAINER.uid),
      basePath: "/models",
    },
    reclaimPolicy: "Delete",
    volumeBindingMode: "Immediate",
  };
}

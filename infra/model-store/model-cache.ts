import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { PodIdentity } from "../pod-identity.ts";
import type { ModelCacheArgs } from "./args.ts";
import { cacheStorageClassArgs, EFS_ACCOUNT, EFS_ADDON, EFS_DRIVER_VERSIONS } from "./efs-driver.ts";
import { efsDriverPolicy } from "./policies.ts";

/** Port of NFS: https://docs.aws.amazon.com/efs/latest/ug/network-access.html */
const NFS_PORT = 2049;

/**
 * An encrypted file system that all pods of the service share, on whatever node: a model is downloaded once, not by each pod.
 * A storage class offers folders of it. The component must depend on the nodes and on the agent of EKS Pod Identity.
 */
export class ModelCache extends pulumi.ComponentResource {
  /** Name of the storage class; what uses it comes after the driver and the file system. */
  readonly storageClass: pulumi.Output<string>;
  readonly fileSystemId: pulumi.Output<string>;

  constructor(name: string, args: ModelCacheArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:ModelCache", name, {}, opts);
    const { clusterName, location, infrequentAccessDays } = args;
    const parent = { parent: this };
    const tags = { Name: `${clusterName}-models` };
    const files = new aws.efs.FileSystem(
      name,
      {
        encrypted: true,
        // Paid by what is read and written: no bound that a start of many pods would reach, and no price when nothing happens.
        throughputMode: "elastic",
        ...(infrequentAccessDays !== undefined && { lifecyclePolicies: [tierAfter(infrequentAccessDays)] }),
        tags,
      },
      parent,
    );
    const group = new aws.ec2.SecurityGroup(
      name,
      { vpcId: args.vpcId, description: "NFS from the nodes to the model cache", tags },
      parent,
    );
    const way = new aws.vpc.SecurityGroupIngressRule(
      name,
      {
        securityGroupId: group.id,
        description: "NFS from the nodes",
        referencedSecurityGroupId: args.nodeSecurityGroupId,
        ipProtocol: "tcp",
        fromPort: NFS_PORT,
        toPort: NFS_PORT,
        tags,
      },
      parent,
    );
    const mountTargets = args.subnets.map(
      ({ zone, id }) =>
        new aws.efs.MountTarget(
          `${name}-${zone}`,
          { fileSystemId: files.id, subnetId: id, securityGroups: [group.id] },
          parent,
        ),
    );

    const identity = new PodIdentity(
      `${name}-driver`,
      {
        clusterName,
        ...EFS_ACCOUNT,
        policy: pulumi
          .all([location.accountId, location.partition, files.arn])
          .apply(([accountId, partition, fileSystemArn]) =>
            efsDriverPolicy({ region: location.region, accountId, partition, fileSystemArn }),
          ),
      },
      parent,
    );
    const driver = new aws.eks.Addon(
      name,
      {
        clusterName,
        addonName: EFS_ADDON,
        addonVersion: args.driverVersion ?? EFS_DRIVER_VERSIONS[args.kubernetesVersion],
        resolveConflictsOnCreate: "OVERWRITE",
        resolveConflictsOnUpdate: "OVERWRITE",
      },
      { ...parent, dependsOn: identity },
    );
    // P11: volumes of the class go first, while the driver that deletes their access points still runs.
    const storageClass = new k8s.storage.v1.StorageClass(name, cacheStorageClassArgs(files.id), {
      ...parent,
      dependsOn: [driver, way, ...mountTargets],
    });

    this.storageClass = storageClass.metadata.name;
    this.fileSystemId = files.id;
    this.registerOutputs({ storageClass: this.storageClass, fileSystemId: this.fileSystemId });
  }
}

/** Values: https://docs.aws.amazon.com/efs/latest/ug/API_LifecyclePolicy.html */
function tierAfter(days: number): aws.types.input.efs.FileSystemLifecyclePolicy {
  return { transitionToIa: days === 1 ? "AFTER_1_DAY" : `AFTER_${days}_DAYS` };
}

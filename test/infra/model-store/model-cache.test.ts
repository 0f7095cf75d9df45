import assert from "node:assert/strict";
import { KUBERNETES_MINORS } from "../../../infra/cluster/addon-versions.ts";
import type { ModelCacheArgs } from "../../../infra/model-store/args.ts";
import { EFS_DRIVER_VERSIONS } from "../../../infra/model-store/efs-driver.ts";
import { ModelCache } from "../../../infra/model-store/model-cache.ts";
import { CONTAINER } from "../../../service/contract.ts";
import { find, outputValue, type Recording } from "../../support/pulumi.ts";
import { build } from "./fixture.ts";

const ARGS: ModelCacheArgs = {
  clusterName: "yolo-test",
  kubernetesVersion: "1.35",
  location: { region: "us-west-2", accountId: "123456789012", partition: "aws" },
  vpcId: "vpc-1",
  subnets: [
    { zone: "us-west-2a", id: "subnet-a" },
    { zone: "us-west-2b", id: "subnet-b" },
  ],
  nodeSecurityGroupId: "sg-nodes",
};

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:ModelCache::cache";
const FILES_ARN = "arn:aws:elasticfilesystem:us-west-2:123456789012:file-system/fs-1";
const POINTS_ARN = "arn:aws:elasticfilesystem:us-west-2:123456789012:access-point/*";

const make = (changes: Partial<ModelCacheArgs> = {}) =>
  build((parent) => new ModelCache("cache", { ...ARGS, ...changes }, { parent }));

describe("ModelCache", () => {
  let cache: ModelCache;
  let recording: Recording;
  const inputs = (type: string, name = "cache") => find(recording, type, name).inputs;

  before(async () => {
    ({ made: cache, recording } = await make());
  });

  it("tells the storage class and the file system", async () => {
    assert.equal(await outputValue(cache.storageClass), "efs");
    assert.deepEqual(recording.outputs.get(COMPONENT), { storageClass: "efs", fileSystemId: "cache-id" });
  });

  it("makes an encrypted file system without a bound of its throughput", () => {
    assert.deepEqual(inputs("aws:efs/fileSystem:FileSystem"), {
      encrypted: true,
      throughputMode: "elastic",
      tags: { Name: "yolo-test-models" },
    });
  });

  it("is reached in each zone, from the nodes only, and only by NFS", () => {
    assert.deepEqual(
      ["us-west-2a", "us-west-2b"].map((zone) => inputs("aws:efs/mountTarget:MountTarget", `cache-${zone}`)),
      ["subnet-a", "subnet-b"].map((subnetId) => ({
        fileSystemId: "cache-id",
        subnetId,
        securityGroups: ["cache-id"],
      })),
    );
    const { ingress, egress } = inputs("aws:ec2/securityGroup:SecurityGroup");
    assert.deepEqual([ingress, egress], [undefined, undefined]);
    assert.deepEqual(inputs("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"), {
      securityGroupId: "cache-id",
      description: "NFS from the nodes",
      referencedSecurityGroupId: "sg-nodes",
      ipProtocol: "tcp",
      fromPort: 2049,
      toPort: 2049,
      tags: { Name: "yolo-test-models" },
    });
  });

  it("installs the driver at a pinned version, after the role of its controller", () => {
    const addon = find(recording, "aws:eks/addon:Addon", "cache");
    assert.deepEqual(addon.inputs, {
      clusterName: "yolo-test",
      addonName: "aws-efs-csi-driver",
      addonVersion: "v3.4.2-eksbuild.1",
      resolveConflictsOnCreate: "OVERWRITE",
      resolveConflictsOnUpdate: "OVERWRITE",
    });
    const association = find(recording, "aws:eks/podIdentityAssociation:PodIdentityAssociation", "cache-driver");
    assert.ok(addon.dependencies.includes(association.urn));
    assert.deepEqual(association.inputs, {
      clusterName: "yolo-test",
      namespace: "kube-system",
      serviceAccount: "efs-csi-controller-sa",
      roleArn: "arn:aws:iam::123456789012:role/cache-driver",
    });
  });

  it("offers folders that belong to the service's user, once the driver and every mount target are there", () => {
    const storageClass = find(recording, "kubernetes:storage.k8s.io/v1:StorageClass", "cache");
    const { metadata, provisioner, parameters, reclaimPolicy } = storageClass.inputs;
    assert.deepEqual(metadata, { name: "efs" });
    assert.equal(provisioner, "efs.csi.aws.com");
    assert.deepEqual(parameters, {
      provisioningMode: "efs-ap",
      fileSystemId: "cache-id",
      directoryPerms: "700",
      uid: String(CONTAINER.uid),
      gid: String(CONTAINER.uid),
      basePath: "/models",
    });
    assert.equal(reclaimPolicy, "Delete");
    assert.match(storageClass.provider, /pulumi:providers:kubernetes::cluster/);
    const needed = recording.resources.filter(({ type }) =>
      /:(?:Addon|MountTarget|SecurityGroupIngressRule)$/.test(type),
    );
    assert.equal(needed.length, 4);
    for (const { urn } of needed) assert.ok(storageClass.dependencies.includes(urn), urn);
  });

  it("lets the driver make folders on this file system, and delete what it made", () => {
    const { policy } = inputs("aws:iam/rolePolicy:RolePolicy", "cache-driver");
    const { Statement } = policy as { Statement: { Sid: string; Action: unknown; Resource: unknown }[] };
    assert.deepEqual(
      Statement.map(({ Sid, Action, Resource }) => [Sid, Action, Resource]),
      [
        ["Read", ["elasticfilesystem:DescribeFileSystems", "elasticfilesystem:DescribeMountTargets"], FILES_ARN],
        ["ReadAccessPoints", "elasticfilesystem:DescribeAccessPoints", [FILES_ARN, POINTS_ARN]],
        ["ReadZones", "ec2:DescribeAvailabilityZones", "*"],
        ["MakeAccessPoints", "elasticfilesystem:CreateAccessPoint", FILES_ARN],
        ["TagNewAccessPoints", "elasticfilesystem:TagResource", POINTS_ARN],
        ["DeleteOwnAccessPoints", "elasticfilesystem:DeleteAccessPoint", POINTS_ARN],
      ],
    );
    const conditions = JSON.stringify(Statement.slice(3));
    assert.equal(conditions.match(/efs\.csi\.aws\.com\/cluster/g)?.length, 2);
    assert.match(conditions, /"elasticfilesystem:CreateAction":"CreateAccessPoint"/);
  });

  it("has a pinned driver for every version of Kubernetes, and takes another", async () => {
    assert.deepEqual(Object.keys(EFS_DRIVER_VERSIONS), [...KUBERNETES_MINORS]);
    const { recording: other } = await make({ driverVersion: "v3.5.0-eksbuild.1", infrequentAccessDays: 1 });
    assert.equal(find(other, "aws:eks/addon:Addon", "cache").inputs.addonVersion, "v3.5.0-eksbuild.1");
    const { lifecyclePolicies } = find(other, "aws:efs/fileSystem:FileSystem", "cache").inputs;
    assert.deepEqual(lifecyclePolicies, [{ transitionToIa: "AFTER_1_DAY" }]);
    const { recording: month } = await make({ infrequentAccessDays: 30 });
    assert.deepEqual(find(month, "aws:efs/fileSystem:FileSystem", "cache").inputs.lifecyclePolicies, [
      { transitionToIa: "AFTER_30_DAYS" },
    ]);
  });
});

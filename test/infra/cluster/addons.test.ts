import assert from "node:assert/strict";
import { ADDONS, type AddonName } from "../../../infra/cluster/addon-versions.ts";
import { ClusterAddons } from "../../../infra/cluster/addons.ts";
import type { ClusterAddonsArgs } from "../../../infra/cluster/args.ts";
import { find, outputValue, type Recording, type Registered } from "../../support/pulumi.ts";
import { build } from "./fixture.ts";

const ARGS: ClusterAddonsArgs = { clusterName: "yolo-test", version: "1.35", addonVersions: {} };
const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:ClusterAddons::addons";
const NODE_ADDONS: AddonName[] = ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"];

const buildAddons = (changes: Partial<ClusterAddonsArgs> = {}) =>
  build((parent) => new ClusterAddons("addons", { ...ARGS, ...changes }, { parent }));

describe("ClusterAddons", () => {
  let addons: ClusterAddons;
  let recording: Recording;
  const addon = (name: AddonName): Registered => find(recording, "aws:eks/addon:Addon", `addons-${name}`);

  before(async () => {
    ({ made: addons, recording } = await buildAddons());
  });

  it("makes every add-on as an add-on of EKS, at the version of the table (P9)", () => {
    const made = recording.resources.filter(({ type }) => type === "aws:eks/addon:Addon");
    assert.deepEqual(Object.fromEntries(made.map(({ inputs }) => [inputs.addonName, inputs.addonVersion])), {
      "vpc-cni": "v1.22.4-eksbuild.3",
      "kube-proxy": "v1.35.3-eksbuild.29",
      "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
      coredns: "v1.13.2-eksbuild.31",
      "metrics-server": "v0.9.0-eksbuild.11",
      "aws-ebs-csi-driver": "v1.66.0-eksbuild.1",
      "eks-node-monitoring-agent": "v1.7.0-eksbuild.1",
    });
    for (const { name, parent, inputs } of made) {
      assert.equal(parent, COMPONENT, name);
      assert.equal(inputs.clusterName, "yolo-test", name);
      assert.equal(inputs.resolveConflictsOnCreate, "OVERWRITE", name);
      assert.equal(inputs.resolveConflictsOnUpdate, "OVERWRITE", name);
    }
  });

  it("takes another version where a stack says so", async () => {
    const changed = (await buildAddons({ addonVersions: { coredns: "v1.14.6-eksbuild.4" } })).recording;
    const version = (name: AddonName) => find(changed, "aws:eks/addon:Addon", `addons-${name}`).inputs.addonVersion;
    assert.equal(version("coredns"), "v1.14.6-eksbuild.4");
    assert.equal(version("kube-proxy"), "v1.35.3-eksbuild.29");
  });

  it("enforces network policies, and asks tainted GPU nodes how they are (P24)", () => {
    const values = (name: AddonName): unknown => JSON.parse(String(addon(name).inputs.configurationValues));
    assert.deepEqual(values("vpc-cni"), { enableNetworkPolicy: "true" });
    assert.deepEqual(values("eks-node-monitoring-agent"), {
      dcgmAgent: { tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }] },
    });
    for (const name of ["kube-proxy", "coredns", "metrics-server", "aws-ebs-csi-driver"] as const) {
      assert.ok(!("configurationValues" in addon(name).inputs), name);
    }
  });

  it("makes what nodes need first, and leaves it running until they have gone (P8, P11)", () => {
    const first = NODE_ADDONS.map((name) => addon(name).urn);
    for (const name of ADDONS) {
      const { dependencies, inputs } = addon(name);
      const early = NODE_ADDONS.includes(name);
      assert.equal(inputs.preserve, early, name);
      assert.deepEqual(
        first.filter((urn) => dependencies.includes(urn)),
        early ? [] : first,
        name,
      );
    }
  });

  it("gives the EBS driver its role by Pod Identity before it starts, limited to volumes of its own (P27)", () => {
    const association = find(recording, "aws:eks/podIdentityAssociation:PodIdentityAssociation", "addons-ebs");
    assert.deepEqual(association.inputs, {
      clusterName: "yolo-test",
      namespace: "kube-system",
      serviceAccount: "ebs-csi-controller-sa",
      roleArn: "arn:aws:iam::123456789012:role/addons-ebs",
    });
    const attachment = find(recording, "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "addons-ebs-0");
    assert.equal(attachment.inputs.policyArn, "arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2");
    assert.ok(addon("aws-ebs-csi-driver").dependencies.includes(association.urn));
    for (const name of ADDONS) assert.ok(!("serviceAccountRoleArn" in addon(name).inputs), name);
  });

  it("makes encrypted gp3 volumes the default, tagged by the cluster, once the driver is there", async () => {
    const storageClass = find(recording, "kubernetes:storage.k8s.io/v1:StorageClass", "addons");
    const { apiVersion: _, kind: __, ...inputs } = storageClass.inputs;
    assert.deepEqual(inputs, {
      metadata: { name: "gp3", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: "ebs.csi.aws.com",
      parameters: { type: "gp3", encrypted: "true", tagSpecification_1: "yolo/cluster=yolo-test" },
      reclaimPolicy: "Delete",
      allowVolumeExpansion: true,
      volumeBindingMode: "WaitForFirstConsumer",
    });
    assert.ok(storageClass.dependencies.includes(addon("aws-ebs-csi-driver").urn));
    assert.equal(await outputValue(addons.storageClass), "gp3");
    assert.deepEqual(recording.outputs.get(COMPONENT), { storageClass: "gp3" });
  });
});

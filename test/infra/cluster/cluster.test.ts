import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { ClusterArgs } from "../../../infra/cluster/args.ts";
import { Cluster } from "../../../infra/cluster/cluster.ts";
import { find, installMocks, outputValue, type Recording, type Registered } from "../../support/pulumi.ts";
import { ARGS, build } from "./fixture.ts";

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:Cluster::cluster";

const SCHEMA = join(import.meta.dirname, "../../../../shared/schemas/pulumi-eks.schema.json");

/** What the SDK of the component adds by itself. */
const UNUSED = { resolveConflictsOnCreate: "OVERWRITE", resolveConflictsOnUpdate: "OVERWRITE" };

const buildCluster = (changes: Partial<ClusterArgs> = {}) =>
  build((parent) => new Cluster("cluster", { ...ARGS, ...changes }, { parent }));

describe("Cluster", () => {
  let cluster: Cluster;
  let recording: Recording;
  const resource = (type: string): Registered => find(recording, type, "cluster");

  before(async () => {
    ({ made: cluster, recording } = await buildCluster());
  });

  it("makes exactly these resources, each of them its child", () => {
    const made = recording.resources.filter(({ type }) => !/^(?:test|yolo|pulumi:pulumi)/.test(type));
    assert.deepEqual(made.map(({ type }) => type).sort(), [
      "aws:cloudwatch/logGroup:LogGroup",
      "aws:kms/alias:Alias",
      "aws:kms/key:Key",
      "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
      "eks:index:Cluster",
      "pulumi:providers:kubernetes",
    ]);
    for (const { type, parent } of made) assert.equal(parent, COMPONENT, type);
  });

  it("gives the component of EKS everything that it would choose otherwise", () => {
    assert.deepEqual(resource("eks:index:Cluster").inputs, {
      name: "yolo-test",
      version: "1.35",
      vpcId: "vpc-1",
      privateSubnetIds: ["subnet-a", "subnet-b"],
      kubernetesServiceIpAddressRange: "172.20.0.0/16",
      endpointPrivateAccess: true,
      endpointPublicAccess: true,
      publicAccessCidrs: ["203.0.113.4/32"],
      authenticationMode: "API",
      accessEntries: {
        operators: {
          principalArn: "arn:aws:iam::123456789012:role/operators",
          accessPolicies: {
            clusterAdmin: {
              policyArn: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
              accessScope: { type: "cluster" },
            },
          },
        },
        team: {
          principalArn: "arn:aws:iam::123456789012:role/team",
          accessPolicies: {
            edit: {
              policyArn: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy",
              accessScope: { type: "namespace", namespaces: ["yolo"] },
            },
          },
        },
      },
      encryptionConfigKeyArn: "arn:aws:kms:us-west-2:123456789012:key/1",
      enabledClusterLogTypes: ["api", "audit"],
      upgradePolicy: { supportType: "STANDARD" },
      deletionProtection: true,
      skipDefaultNodeGroup: true,
      skipDefaultSecurityGroups: true,
      useDefaultVpcCni: true,
      kubeProxyAddonOptions: { enabled: false, ...UNUSED },
      corednsAddonOptions: { enabled: false, ...UNUSED },
      createOidcProvider: false,
      tags: { Name: "yolo-test" },
    });
  });

  it("passes nothing that the component's schema does not know", function () {
    if (!existsSync(SCHEMA)) {
      console.log(`      skipped: there is no ${SCHEMA}`);
      return this.skip();
    }
    const schema = JSON.parse(readFileSync(SCHEMA, "utf8")) as {
      resources: Record<string, { inputProperties: Record<string, unknown> }>;
      types: Record<string, { properties: Record<string, unknown> }>;
    };
    const { inputs } = resource("eks:index:Cluster");
    const known = Object.keys(schema.resources["eks:index:Cluster"]?.inputProperties ?? {});
    assert.deepEqual(
      Object.keys(inputs).filter((key) => !known.includes(key)),
      [],
    );
    const entryKeys = Object.keys(schema.types["eks:index:AccessEntry"]?.properties ?? {});
    for (const entry of Object.values(inputs.accessEntries as Record<string, object>)) {
      assert.ok(Object.keys(entry).every((key) => entryKeys.includes(key)));
    }
  });

  it("encrypts Secrets by a key that rotates, can be had back for a month, and is protected", () => {
    const key = resource("aws:kms/key:Key");
    assert.equal(key.inputs.enableKeyRotation, true);
    assert.equal(key.inputs.deletionWindowInDays, 30);
    assert.equal(key.protect, true);
    assert.deepEqual(resource("aws:kms/alias:Alias").inputs, { name: "alias/yolo-test", targetKeyId: "key-1" });
  });

  it("makes the group of the control plane's logs before EKS does, and lets it forget", () => {
    const group = resource("aws:cloudwatch/logGroup:LogGroup");
    assert.deepEqual(group.inputs, { name: "/aws/eks/yolo-test/cluster", retentionInDays: 30 });
    assert.ok(resource("eks:index:Cluster").dependencies.includes(group.urn));
  });

  it("reaches objects by a provider of its own that no new kubeconfig replaces (P13, P14, P15)", () => {
    const { inputs } = resource("pulumi:providers:kubernetes");
    assert.deepEqual(inputs, {
      kubeconfig: '{"kind":"Config"}',
      clusterIdentifier: "eks:yolo-test",
      enableServerSideApply: "true",
      enableSecretMutable: "true",
    });
  });

  it("lets named private addresses in, before it makes anything on the cluster", () => {
    const rule = find(recording, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cluster-10.8.0.0-24");
    assert.deepEqual(rule.inputs, {
      securityGroupId: "sg-eks",
      description: "To the API server",
      cidrIpv4: "10.8.0.0/24",
      ipProtocol: "tcp",
      fromPort: 443,
      toPort: 443,
      tags: { Name: "yolo-test-api" },
    });
    assert.ok(resource("pulumi:providers:kubernetes").dependencies.includes(rule.urn));
  });

  it("registers the outputs that it offers", async () => {
    const { name, arn, endpoint, securityGroupId } = cluster;
    const expected = {
      name: "yolo-test",
      arn: "arn:aws:eks:us-west-2:123456789012:cluster/yolo-test",
      endpoint: "https://1.eks.us-west-2.amazonaws.com",
      securityGroupId: "sg-eks",
    };
    assert.deepEqual(await outputValue(pulumi.output({ name, arn, endpoint, securityGroupId })), expected);
    assert.deepEqual(recording.outputs.get(COMPONENT), expected);
  });

  it("is reached from the VPC only unless public addresses are named", async () => {
    const { inputs } = find(
      (await buildCluster({ endpoint: { publicCidrs: [], privateCidrs: [] } })).recording,
      "eks:index:Cluster",
      "cluster",
    );
    assert.equal(inputs.endpointPublicAccess, false);
    assert.equal(inputs.endpointPrivateAccess, true);
    // The component refuses ranges for an endpoint that there is not.
    assert.ok(!("publicAccessCidrs" in inputs));
  });

  it("keeps no logs, and makes no group for them, where there are none", async () => {
    const plain = (await buildCluster({ logs: [] })).recording;
    assert.ok(!plain.resources.some(({ type }) => type === "aws:cloudwatch/logGroup:LogGroup"));
    assert.deepEqual(find(plain, "eks:index:Cluster", "cluster").inputs.enabledClusterLogTypes, []);
  });

  it("can be deleted where it is not protected, also when it does not answer", async () => {
    const plain = (await buildCluster({ protect: false, deleteUnreachable: true })).recording;
    assert.equal(find(plain, "eks:index:Cluster", "cluster").inputs.deletionProtection, false);
    assert.equal(find(plain, "pulumi:providers:kubernetes", "cluster").inputs.deleteUnreachable, "true");
    assert.ok(plain.resources.every(({ protect }) => !protect));
    assert.equal(resource("eks:index:Cluster").protect, true);
  });

  it("lists every problem with its arguments", async () => {
    await installMocks();
    assert.throws(
      () => new Cluster("cluster", { ...ARGS, clusterName: "Yolo", serviceCidr: "100.64.0.0/16" }),
      (error) => {
        assert.ok(pulumi.ResourceError.isInstance(error));
        assert.deepEqual(error.message.split("\n"), [
          "Expected at most 32 lower-case letters, digits and hyphens that begin with a letter for clusterName " +
            'but received "Yolo"',
          "Expected a range within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 for serviceCidr " +
            'but received "100.64.0.0/16"',
        ]);
        return true;
      },
    );
  });
});

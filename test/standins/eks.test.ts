import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { ensureToolchain, type Toolchain } from "../../local/toolchain/index.ts";
import { ruleFailures } from "./eks/arguments.ts";
import { kubeconfigOf } from "./eks/kubeconfig.ts";
import { TestStack } from "./stack.ts";

const KUBECONFIG = {
  apiVersion: "v1",
  kind: "Config",
  "current-context": "c",
  clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
  contexts: [{ name: "c", context: { cluster: "c", user: "c" } }],
  users: [{ name: "c", user: { token: "t" } }],
};

/** A cluster with one node group and an add-on that needs it. */
function program(version: string, more = ""): string {
  return `
    const vpc = new aws.ec2.Vpc("vpc", { cidrBlock: "10.0.0.0/16" });
    const zones = (await aws.getAvailabilityZones({})).names.slice(0, 2);
    const subnets = zones.map((availabilityZone, i) =>
      new aws.ec2.Subnet("private-" + i, { vpcId: vpc.id, cidrBlock: "10.0." + i + ".0/24", availabilityZone }));
    const trust = { Version: "2012-10-17", Statement: [
      { Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" },
    ] };
    const [admin, nodes] = ["admin", "nodes"].map((name) => new aws.iam.Role(name, { name, assumeRolePolicy: trust }));
    const cluster = new eks.Cluster("cluster", {
      name: "yolo-test",
      vpcId: vpc.id,
      privateSubnetIds: subnets.map(({ id }) => id),
      version: "${version}",
      authenticationMode: eks.AuthenticationMode.Api,
      skipDefaultNodeGroup: true,
      endpointPrivateAccess: true,
      endpointPublicAccess: false,
      upgradePolicy: { supportType: "STANDARD" },
      useDefaultVpcCni: true,
      kubeProxyAddonOptions: { enabled: false },
      corednsAddonOptions: { enabled: false },
      accessEntries: { admin: { principalArn: admin.arn, accessPolicies: { all: {
        policyArn: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        accessScope: { type: "cluster" },
      } } } },
    });
    const system = new aws.eks.NodeGroup("system", {
      clusterName: cluster.eksCluster.name,
      nodeRoleArn: nodes.arn,
      subnetIds: subnets.map(({ id }) => id),
      scalingConfig: { minSize: 1, desiredSize: 2, maxSize: 3 },
    });
    new aws.eks.Addon("coredns", { clusterName: cluster.eksCluster.name, addonName: "coredns" }, { dependsOn: system });
    export const kubeconfig = cluster.kubeconfigJson;
    export const group = cluster.clusterSecurityGroupId;
    export const eksGroup = cluster.eksCluster.vpcConfig.clusterSecurityGroupId;
    export const asg = system.resources[0].autoscalingGroups[0].name;
    export const { clusterVersion } = { clusterVersion: cluster.eksCluster.version };
    ${more}`;
}

describe("the EKS stand-in under the real engine", function () {
  // A test runs the engine, once or twice.
  this.timeout(120_000);
  let toolchain: Toolchain;
  let stack: TestStack;
  let folder: string;

  before(async () => {
    toolchain = await ensureToolchain({ signal: new AbortController().signal, report: () => {} });
    folder = await mkdtemp(join(tmpdir(), "yolo-kubeconfig-"));
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, stringify(KUBECONFIG));
    stack = await TestStack.make(toolchain, { kubeconfig });
  });

  after(async () => {
    await stack.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it("finds mistakes in a cluster's arguments in a preview", async () => {
    await stack.program(`
      new eks.Cluster("a", { accessEntries: { a: { principalarn: "arn" } }, endpointPublicAccess: "no" } as object);`);
    const { exitCode, text } = await stack.preview();
    assert.notEqual(exitCode, 0);
    assert.match(text, /principalarn, which it does not have; did you mean principalArn\?/);
    assert.match(text, /Expected a boolean for endpointPublicAccess but received "no"/);
  });

  it("previews the children of the real component, and knows no kubeconfig yet", async () => {
    await stack.program(program("1.34"));
    const { exitCode, text, changes } = await stack.preview();
    assert.equal(exitCode, 0, text);
    assert.deepEqual(changes, { create: 24 });
    for (const child of [
      "eks:index:ServiceRole cluster-eksRole ",
      "aws:iam:Role cluster-eksRole-role ",
      "aws:iam:RolePolicyAttachment cluster-eksRole-4b490823 ",
      "aws:ec2:SecurityGroup cluster-eksClusterSecurityGroup ",
      "aws:ec2:SecurityGroupRule cluster-eksClusterInternetEgressRule ",
      "aws:eks:Cluster cluster-eksCluster ",
      "pulumi:providers:kubernetes cluster-eks-k8s ",
      "aws:ec2:SecurityGroup cluster-nodeSecurityGroup ",
      "aws:ec2:SecurityGroupRule cluster-eksNodeIngressRule ",
      "aws:ec2:SecurityGroupRule cluster-eksNodeClusterIngressRule ",
      "aws:ec2:SecurityGroupRule cluster-eksExtApiServerClusterIngressRule ",
      "aws:ec2:SecurityGroupRule cluster-eksNodeInternetEgressRule ",
      "aws:ec2:SecurityGroupRule cluster-eksClusterIngressRule ",
      "aws:eks:AccessEntry cluster-admin ",
      "aws:eks:AccessPolicyAssociation cluster-admin-all ",
    ])
      assert.ok(text.includes(` +  ${child}create`), `${child}\n${text}`);
    assert.match(text, /kubeconfig +: \[unknown\]/);
    assert.match(text, /eksGroup +: \[unknown\]/);
  });

  it("makes them, and answers with the kubeconfig that it was given", async () => {
    const { exitCode, text } = await stack.up();
    assert.equal(exitCode, 0, text);
    const { kubeconfig, group, eksGroup, asg } = await stack.outputs();
    assert.deepEqual(JSON.parse(`${kubeconfig}`), KUBECONFIG);
    assert.match(`${group}`, /^sg-[0-9a-f]{17}$/);
    assert.match(`${eksGroup}`, /^sg-eks[0-9a-f]{14}$/);
    assert.match(`${asg}`, /^eks-system-/);
    assert.deepEqual((await stack.up()).changes, { unchanged: 24 });
  });

  it("updates the version by one, and no further", async () => {
    await stack.program(program("1.36"));
    const far = await stack.up();
    assert.notEqual(far.exitCode, 0);
    assert.match(
      far.text,
      /InvalidParameterException: Unsupported Kubernetes minor version update from 1\.34 to 1\.36/,
    );
    await stack.program(program("1.35"));
    const { changes, text } = await stack.up();
    assert.deepEqual(changes, { updated: 1, unchanged: 23 }, text);
    assert.equal((await stack.outputs()).clusterVersion, "1.35");
  });

  it("destroys the cluster after its nodes", async () => {
    const { exitCode, text } = await stack.destroy();
    assert.equal(exitCode, 0, text);
  });
});

describe("rules of the EKS stand-in", () => {
  const reasons = (args: Record<string, unknown>) =>
    ruleFailures({ skipDefaultNodeGroup: true, vpcId: "vpc-1", ...args }).map(({ reason }) => reason);

  it("are those of the real component", () => {
    assert.deepEqual(reasons({ authenticationMode: "API", accessEntries: {} }), []);
    assert.match(`${reasons({ accessEntries: {} })}`, /Expected authenticationMode API or API_AND_CONFIG_MAP/);
    assert.match(`${reasons({ authenticationMode: "API", roleMappings: [{}] })}`, /Expected no roleMappings/);
    assert.match(`${reasons({ subnetIds: [], privateSubnetIds: [] })}`, /Expected either subnetIds or/);
    assert.match(
      `${reasons({ publicAccessCidrs: [], endpointPublicAccess: false })}`,
      /Expected endpointPublicAccess true/,
    );
  });

  it("refuse what is not modelled", () => {
    assert.match(`${reasons({ autoMode: { enabled: true } })}`, /does not model what the real component makes of it/);
    assert.match(`${reasons({ skipDefaultNodeGroup: undefined })}`, /makes no default node group/);
    assert.match(`${reasons({ vpcId: undefined })}`, /no default VPC/);
  });
});

describe("the kubeconfig of the EKS stand-in", () => {
  it("has the form of the real one where no cluster stands for EKS", () => {
    const access = { name: "yolo", endpoint: "https://x", certificateAuthority: "Y2E=", region: "eu-central-1" };
    const { users } = kubeconfigOf(access) as { users: { user: { exec: { command: string; args: string[] } } }[] };
    assert.equal(users[0]?.user.exec.command, "aws");
    assert.deepEqual(users[0]?.user.exec.args.slice(0, 4), ["--region", "eu-central-1", "eks", "get-token"]);
  });
});

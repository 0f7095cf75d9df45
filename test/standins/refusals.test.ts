import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ACCOUNT_ID, Account, type Stored } from "./aws/account.ts";
import { createResource, deleteResource, updateResource } from "./aws/lifecycle.ts";
import type { Properties } from "./values.ts";

const REGION = "eu-central-1";
const TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}';

const TYPES = {
  vpc: "aws:ec2/vpc:Vpc",
  subnet: "aws:ec2/subnet:Subnet",
  gateway: "aws:ec2/internetGateway:InternetGateway",
  eip: "aws:ec2/eip:Eip",
  nat: "aws:ec2/natGateway:NatGateway",
  table: "aws:ec2/routeTable:RouteTable",
  route: "aws:ec2/route:Route",
  association: "aws:ec2/routeTableAssociation:RouteTableAssociation",
  endpoint: "aws:ec2/vpcEndpoint:VpcEndpoint",
  group: "aws:ec2/securityGroup:SecurityGroup",
  ingress: "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
  template: "aws:ec2/launchTemplate:LaunchTemplate",
  tag: "aws:autoscaling/tag:Tag",
  cluster: "aws:eks/cluster:Cluster",
  nodes: "aws:eks/nodeGroup:NodeGroup",
  addon: "aws:eks/addon:Addon",
  entry: "aws:eks/accessEntry:AccessEntry",
  policyAssociation: "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
  podIdentity: "aws:eks/podIdentityAssociation:PodIdentityAssociation",
  role: "aws:iam/role:Role",
  rolePolicy: "aws:iam/rolePolicy:RolePolicy",
  policy: "aws:iam/policy:Policy",
  attachment: "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
  oidc: "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
  bucket: "aws:s3/bucket:Bucket",
  object: "aws:s3/bucketObjectv2:BucketObjectv2",
  versioning: "aws:s3/bucketVersioning:BucketVersioning",
  repository: "aws:ecr/repository:Repository",
  fileSystem: "aws:efs/fileSystem:FileSystem",
  mountTarget: "aws:efs/mountTarget:MountTarget",
  alias: "aws:kms/alias:Alias",
  logs: "aws:cloudwatch/logGroup:LogGroup",
  rule: "aws:cloudwatch/eventRule:EventRule",
  target: "aws:cloudwatch/eventTarget:EventTarget",
} as const;

describe("refusals of the AWS stand-in", () => {
  let folder: string;
  let account: Account;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "yolo-account-"));
    account = new Account(join(folder, "account.json"));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const make = (kind: keyof typeof TYPES, inputs: Properties): Stored =>
    createResource(account, { type: TYPES[kind], inputs, region: REGION });
  const change = (stored: Stored, inputs: Properties): Stored =>
    updateResource(account, stored.id, { type: stored.type, inputs: { ...stored.inputs, ...inputs }, region: REGION });
  const remove = (stored: Stored) => deleteResource(account, stored.type, stored.id);
  const refuses = (code: string, action: () => unknown) => assert.throws(action, new RegExp(`^Refusal: ${code}: `));

  const vpc = () => make("vpc", { cidrBlock: "10.0.0.0/16" });
  const subnet = (vpcId: string, n: number) =>
    make("subnet", { vpcId, cidrBlock: `10.0.${n}.0/24`, availabilityZone: `${REGION}${"abc"[n]}` });
  const role = (name = "role") => make("role", { name, assumeRolePolicy: TRUST });

  function cluster(inputs: Properties = {}) {
    const network = vpc();
    const subnets = [subnet(network.id, 0), subnet(network.id, 1)];
    const roleArn = role("cluster").outputs.arn;
    const subnetIds = subnets.map(({ id }) => id);
    const made = make("cluster", {
      name: "yolo",
      version: "1.35",
      roleArn,
      vpcConfig: { subnetIds },
      accessConfig: { authenticationMode: "API" },
      ...inputs,
    });
    return { network, subnets, subnetIds, cluster: made, nodeRoleArn: role("nodes").outputs.arn };
  }

  const nodes = (made: ReturnType<typeof cluster>, inputs: Properties = {}) =>
    make("nodes", {
      clusterName: "yolo",
      nodeGroupName: "system",
      nodeRoleArn: made.nodeRoleArn,
      subnetIds: made.subnetIds,
      scalingConfig: { minSize: 1, desiredSize: 2, maxSize: 3 },
      ...inputs,
    });

  it("keeps addresses of networks in order", () => {
    refuses("InvalidVpc.Range", () => make("vpc", { cidrBlock: "10.0.0.0/8" }));
    refuses("InvalidParameterValue", () => make("vpc", { cidrBlock: "10.0.0.1/16" }));
    const { id } = vpc();
    subnet(id, 0);
    refuses("InvalidSubnet.Conflict", () => make("subnet", { vpcId: id, cidrBlock: "10.0.0.128/25" }));
    refuses("InvalidSubnet.Range", () => make("subnet", { vpcId: id, cidrBlock: "10.1.0.0/24" }));
    refuses("InvalidVpcID.NotFound", () => make("subnet", { vpcId: "vpc-none", cidrBlock: "10.0.3.0/24" }));
    const elsewhere = { vpcId: id, cidrBlock: "10.0.4.0/24", availabilityZone: "us-east-1a" };
    refuses("InvalidParameterValue", () => make("subnet", elsewhere));
    assert.equal(account.read().list.length, 2);
  });

  it("keeps networks while something is in them", () => {
    const network = vpc();
    const place = subnet(network.id, 0);
    const gateway = make("gateway", { vpcId: network.id });
    refuses("Resource.AlreadyAssociated", () => make("gateway", { vpcId: network.id }));
    const address = make("eip", { domain: "vpc" });
    const nat = make("nat", { subnetId: place.id, allocationId: address.id });
    refuses("Resource.AlreadyAssociated", () => make("nat", { subnetId: place.id, allocationId: address.id }));
    refuses("InvalidAllocationID.NotFound", () => make("nat", { subnetId: place.id, allocationId: "eipalloc-none" }));
    refuses("InvalidSubnetID.NotFound", () => make("nat", { subnetId: "subnet-none" }));
    refuses("DependencyViolation", () => remove(network));
    refuses("DependencyViolation", () => remove(place));
    refuses("DependencyViolation", () => remove(gateway));
    refuses("InvalidIPAddress.InUse", () => remove(address));
    for (const each of [nat, address, gateway, place, network]) remove(each);
    assert.deepEqual(account.read().list, []);
  });

  it("keeps routes apart", () => {
    const network = vpc();
    const table = make("table", { vpcId: network.id });
    const gateway = make("gateway", { vpcId: network.id });
    const route = { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id };
    make("route", route);
    refuses("RouteAlreadyExists", () => make("route", route));
    refuses("InvalidRouteTableID.NotFound", () => make("route", { ...route, routeTableId: "rtb-none" }));
    const others = { routeTableId: table.id, destinationCidrBlock: "10.9.0.0/16" };
    refuses("InvalidGatewayID.NotFound", () => make("route", { ...others, gatewayId: "igw-none" }));
    refuses("InvalidNatGatewayID.NotFound", () => make("route", { ...others, natGatewayId: "nat-none" }));
    const place = subnet(network.id, 0);
    make("association", { routeTableId: table.id, subnetId: place.id });
    refuses("Resource.AlreadyAssociated", () => make("association", { routeTableId: table.id, subnetId: place.id }));
    refuses("DependencyViolation", () => remove(table));
    const serviceName = "com.amazonaws.us-east-1.s3";
    refuses("InvalidServiceName", () => make("endpoint", { vpcId: network.id, serviceName }));
  });

  it("keeps security groups while they are named", () => {
    const vpcId = vpc().id;
    const [one, other] = ["one", "other"].map((name) => make("group", { name, vpcId }));
    assert.ok(one !== undefined && other !== undefined);
    refuses("InvalidGroup.Duplicate", () => make("group", { name: "one", vpcId }));
    const rule = { securityGroupId: one.id, referencedSecurityGroupId: other.id, ipProtocol: "-1" };
    make("ingress", rule);
    refuses("InvalidPermission.Duplicate", () => make("ingress", rule));
    refuses("InvalidGroup.NotFound", () => make("ingress", { ...rule, referencedSecurityGroupId: "sg-none" }));
    refuses("DependencyViolation", () => remove(other));
    remove(one);
  });

  it("gives a launch template a new version with each change", () => {
    const template = make("template", { name: "gpu" });
    refuses("InvalidLaunchTemplateName.AlreadyExistsException", () => make("template", { name: "gpu" }));
    assert.equal(template.outputs.latestVersion, 1);
    const { outputs } = change(template, { metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 } });
    assert.deepEqual([outputs.latestVersion, outputs.defaultVersion], [2, 1]);
    const hops = { metadataOptions: { httpPutResponseHopLimit: 65 } };
    refuses("InvalidParameterValue", () => change(template, hops));
  });

  it("makes clusters as EKS does", () => {
    const made = cluster({ enabledClusterLogTypes: ["api"] });
    const args = made.cluster.inputs;
    refuses("ResourceInUseException", () => make("cluster", args));
    const other = { ...args, name: "other" };
    refuses("InvalidParameterException", () => make("cluster", { ...other, version: "1.20" }));
    refuses("InvalidParameterException", () =>
      make("cluster", { ...other, roleArn: `arn:aws:iam::${ACCOUNT_ID}:role/none` }),
    );
    const one = { subnetIds: made.subnetIds.slice(0, 1) };
    refuses("InvalidParameterException", () => make("cluster", { ...other, vpcConfig: one }));
    const none = { subnetIds: ["subnet-none", ...made.subnetIds] };
    refuses("InvalidParameterException", () => make("cluster", { ...other, vpcConfig: none }));
    const closed = { ...one, subnetIds: made.subnetIds, endpointPublicAccess: false, endpointPrivateAccess: false };
    refuses("InvalidParameterException", () => make("cluster", { ...other, vpcConfig: closed }));
    const open = { subnetIds: made.subnetIds, publicAccessCidrs: ["10.0.0.1/8"] };
    refuses("InvalidParameterException", () => make("cluster", { ...other, vpcConfig: open }));
    const encryptionConfig = {
      provider: { keyArn: "arn:aws:kms:eu-central-1:123456789012:key/none" },
      resources: ["secrets"],
    };
    refuses("InvalidParameterException", () => make("cluster", { ...other, encryptionConfig }));
    refuses("ResourceAlreadyExistsException", () => make("logs", { name: "/aws/eks/yolo/cluster" }));
  });

  it("updates clusters one minor version at a time and never back", () => {
    const made = cluster({ version: "1.33" }).cluster;
    refuses("InvalidParameterException", () => change(made, { version: "1.35" }));
    refuses("InvalidParameterException", () => change(made, { version: "1.32" }));
    assert.equal(change(made, { version: "1.34" }).outputs.version, "1.34");
    const accessConfig = { authenticationMode: "CONFIG_MAP" };
    refuses("InvalidParameterException", () => change(made, { accessConfig }));
  });

  it("deletes clusters after their nodes, and protected ones never", () => {
    const made = cluster({ deletionProtection: true });
    const group = nodes(made);
    refuses("ResourceInUseException", () => remove(made.cluster));
    for (const each of made.subnets) refuses("DependencyViolation", () => remove(each));
    remove(group);
    refuses("InvalidRequestException", () => remove(made.cluster));
    remove(change(made.cluster, { deletionProtection: false }));
  });

  it("makes node groups as EKS does", () => {
    const made = cluster();
    const group = nodes(made);
    refuses("ResourceInUseException", () => nodes(made));
    refuses("ResourceNotFoundException", () => nodes(made, { clusterName: "none" }));
    const other = (inputs: Properties) => () => nodes(made, { nodeGroupName: "other", ...inputs });
    const scaling = (minSize: number, desiredSize: number, maxSize: number) => ({
      scalingConfig: { minSize, desiredSize, maxSize },
    });
    refuses("InvalidParameterException", other(scaling(1, 0, 3)));
    refuses("InvalidParameterException", other(scaling(0, 4, 3)));
    refuses("InvalidParameterException", other(scaling(4, 4, 3)));
    refuses("InvalidParameterException", () => change(group, scaling(3, 2, 3)));
    refuses("InvalidParameterException", other({ version: "1.36" }));
    refuses("InvalidParameterException", () => change(group, { version: "1.34" }));
    const arm = { amiType: "AL2023_x86_64_NVIDIA", instanceTypes: ["g5g.xlarge"] };
    refuses("InvalidParameterException", other(arm));
    const template = make("template", { name: "gpu" });
    const launchTemplate = { id: template.id, version: "1" };
    refuses("InvalidParameterException", other({ launchTemplate, diskSize: 100 }));
    refuses("InvalidParameterException", other({ launchTemplate, remoteAccess: {} }));
    refuses("InvalidParameterException", other({ launchTemplate: { ...launchTemplate, version: "2" } }));
    refuses("InvalidRequestException", other({ launchTemplate: { id: "lt-none", version: "1" } }));
    other({ amiType: "AL2023_ARM_64_NVIDIA", instanceTypes: ["g5g.xlarge"], ...scaling(0, 0, 1) })();
    const tag = { key: "k8s.io/cluster-autoscaler/enabled", value: "true", propagateAtLaunch: false };
    refuses("ValidationError", () => make("tag", { autoscalingGroupName: "none", tag }));
    const [{ autoscalingGroups }] = group.outputs.resources as [{ autoscalingGroups: [{ name: string }] }];
    make("tag", { autoscalingGroupName: autoscalingGroups[0].name, tag });
  });

  it("makes add-ons where they can run", () => {
    const addon = (addonName: string, rest: Properties = {}) =>
      make("addon", { clusterName: "yolo", addonName, ...rest });
    refuses("ResourceNotFoundException", () => addon("vpc-cni"));
    const made = cluster();
    addon("vpc-cni", { addonVersion: "v1.20.4-eksbuild.2" });
    refuses("ResourceInUseException", () => addon("vpc-cni"));
    refuses("InvalidParameterException", () => addon("vpc-cnl"));
    refuses("InvalidParameterException", () => addon("kube-proxy", { addonVersion: "1.35.0" }));
    refuses("InvalidParameterException", () => addon("kube-proxy", { configurationValues: "replicas: 2" }));
    refuses("CREATE_FAILED", () => addon("coredns"));
    nodes(made);
    addon("coredns");
  });

  it("lets in whom an access entry names", () => {
    const entry = (principalArn: unknown) => make("entry", { clusterName: "yolo", principalArn });
    const made = cluster();
    const admin = role("admin").outputs.arn;
    entry(admin);
    refuses("ResourceInUseException", () => entry(admin));
    refuses("ResourceInUseException", () => entry(`arn:aws:iam::${ACCOUNT_ID}:role/deployer`));
    refuses("InvalidParameterException", () => entry(`arn:aws:iam::${ACCOUNT_ID}:role/none`));
    nodes(made);
    refuses("ResourceInUseException", () => entry(made.nodeRoleArn));
    const policyArn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
    const policy = { clusterName: "yolo", principalArn: admin, policyArn, accessScope: { type: "cluster" } };
    make("policyAssociation", policy);
    refuses("ResourceNotFoundException", () =>
      make("policyAssociation", { ...policy, principalArn: made.nodeRoleArn }),
    );
    refuses("InvalidParameterException", () =>
      make("policyAssociation", { ...policy, policyArn: "arn:aws:iam::aws:policy/X" }),
    );
    const pods = { clusterName: "yolo", namespace: "yolo", serviceAccount: "detector", roleArn: admin };
    make("podIdentity", pods);
    refuses("ResourceInUseException", () => make("podIdentity", pods));
  });

  it("refuses access entries where the cluster does not read them", () => {
    cluster({ accessConfig: { authenticationMode: "CONFIG_MAP" } });
    const principalArn = role("admin").outputs.arn;
    refuses("InvalidRequestException", () => make("entry", { clusterName: "yolo", principalArn }));
  });

  it("keeps roles and policies while they are in use", () => {
    const made = role();
    refuses("EntityAlreadyExists", () => role());
    refuses("MalformedPolicyDocument", () => make("role", { name: "other", assumeRolePolicy: "{}" }));
    const policy = make("policy", { name: "policy", policy: TRUST });
    refuses("EntityAlreadyExists", () => make("policy", { name: "policy", policy: TRUST }));
    const long = JSON.stringify({ ...JSON.parse(TRUST), Id: "x".repeat(6144) });
    refuses("LimitExceeded", () => make("policy", { name: "long", policy: long }));
    make("attachment", { role: "role", policyArn: policy.id });
    make("attachment", { role: "role", policyArn: "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy" });
    refuses("NoSuchEntity", () => make("attachment", { role: "none", policyArn: policy.id }));
    refuses("NoSuchEntity", () => make("attachment", { role: "role", policyArn: `${policy.id}-none` }));
    make("rolePolicy", { role: "role", name: "inline", policy: TRUST });
    refuses("DeleteConflict", () => remove(made));
    refuses("DeleteConflict", () => remove(policy));
    make("oidc", { url: "https://token.actions.githubusercontent.com" });
    refuses("EntityAlreadyExists", () => make("oidc", { url: "https://token.actions.githubusercontent.com" }));
  });

  it("keeps buckets, repositories and file systems that hold something", () => {
    const bucket = make("bucket", { bucket: "models" });
    refuses("BucketAlreadyOwnedByYou", () => make("bucket", { bucket: "models" }));
    refuses("NoSuchBucket", () => make("versioning", { bucket: "none" }));
    const object = make("object", { bucket: "models", key: "model.onnx" });
    refuses("BucketNotEmpty", () => remove(bucket));
    remove(object);
    remove(bucket);
    const repository = make("repository", { name: "detector" });
    refuses("RepositoryAlreadyExistsException", () => make("repository", { name: "detector" }));
    account.change((resources) =>
      Object.assign(resources.get(repository.type, "detector")?.outputs ?? {}, { images: ["1"] }),
    );
    refuses("RepositoryNotEmptyException", () => remove(repository));
    const files = make("fileSystem", {});
    const place = subnet(vpc().id, 0);
    make("mountTarget", { fileSystemId: files.id, subnetId: place.id });
    refuses("MountTargetConflict", () => make("mountTarget", { fileSystemId: files.id, subnetId: place.id }));
    refuses("FileSystemNotFound", () => make("mountTarget", { fileSystemId: "fs-none", subnetId: place.id }));
    refuses("FileSystemInUse", () => remove(files));
    refuses("DependencyViolation", () => remove(place));
  });

  it("keeps names of keys and logs apart, and rules while they have targets", () => {
    make("alias", { name: "alias/yolo" });
    refuses("AlreadyExistsException", () => make("alias", { name: "alias/yolo" }));
    make("logs", { name: "/yolo" });
    refuses("ResourceAlreadyExistsException", () => make("logs", { name: "/yolo" }));
    const rule = make("rule", { name: "spot" });
    make("target", { rule: "spot", arn: "arn:aws:sqs:eu-central-1:123456789012:q" });
    refuses("ValidationException", () => remove(rule));
    refuses("ResourceNotFoundException", () => make("target", { rule: "none", arn: "arn" }));
  });

  it("are all described", () => {
    const models = join(import.meta.dirname, "aws", "models");
    const sources = readdirSync(models)
      .map((name) => readFileSync(join(models, name), "utf8"))
      .join("\n");
    const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "standins.md"), "utf8");
    const codes = [...sources.matchAll(/(?:new Refusal|unique)\(\s*"([\w.]+)"/g)].map(([, code]) => `${code}`);
    const missing = [...new Set(codes)].filter((code) => code.length > 10 && !page.includes(`\`${code}\``));
    assert.deepEqual(missing, []);
  });
});

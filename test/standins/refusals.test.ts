import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { refuses, TestAccount, TRUST } from "./test-account.ts";

describe("refusals of the AWS stand-in", () => {
  let aws: TestAccount;

  beforeEach(() => {
    aws = new TestAccount();
  });

  afterEach(() => aws.end());

  it("keeps addresses of networks in order", () => {
    refuses("InvalidVpc.Range", () => aws.make("vpc", { cidrBlock: "10.0.0.0/8" }));
    refuses("InvalidParameterValue", () => aws.make("vpc", { cidrBlock: "10.0.0.1/16" }));
    const { id } = aws.vpc();
    aws.subnet(id, 0);
    refuses("InvalidSubnet.Conflict", () => aws.make("subnet", { vpcId: id, cidrBlock: "10.0.0.128/25" }));
    refuses("InvalidSubnet.Range", () => aws.make("subnet", { vpcId: id, cidrBlock: "10.1.0.0/24" }));
    refuses("InvalidVpcID.NotFound", () => aws.make("subnet", { vpcId: "vpc-none", cidrBlock: "10.0.3.0/24" }));
    const elsewhere = { vpcId: id, cidrBlock: "10.0.4.0/24", availabilityZone: "us-east-1a" };
    refuses("InvalidParameterValue", () => aws.make("subnet", elsewhere));
    assert.equal(aws.account.read().list.length, 2);
  });

  it("keeps networks while something is in them", () => {
    const network = aws.vpc();
    const place = aws.subnet(network.id, 0);
    const gateway = aws.make("gateway", { vpcId: network.id });
    refuses("Resource.AlreadyAssociated", () => aws.make("gateway", { vpcId: network.id }));
    const address = aws.make("eip", { domain: "vpc" });
    const nat = aws.make("nat", { subnetId: place.id, allocationId: address.id });
    refuses("Resource.AlreadyAssociated", () => aws.make("nat", { subnetId: place.id, allocationId: address.id }));
    refuses("InvalidAllocationID.NotFound", () =>
      aws.make("nat", { subnetId: place.id, allocationId: "eipalloc-none" }),
    );
    refuses("InvalidSubnetID.NotFound", () => aws.make("nat", { subnetId: "subnet-none" }));
    refuses("DependencyViolation", () => aws.remove(network));
    refuses("DependencyViolation", () => aws.remove(place));
    refuses("DependencyViolation", () => aws.remove(gateway));
    refuses("InvalidIPAddress.InUse", () => aws.remove(address));
    for (const each of [nat, address, gateway, place, network]) aws.remove(each);
    assert.deepEqual(aws.account.read().list, []);
  });

  it("keeps routes apart", () => {
    const network = aws.vpc();
    const table = aws.make("table", { vpcId: network.id });
    const gateway = aws.make("gateway", { vpcId: network.id });
    const route = { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id };
    aws.make("route", route);
    refuses("RouteAlreadyExists", () => aws.make("route", route));
    refuses("InvalidRouteTableID.NotFound", () => aws.make("route", { ...route, routeTableId: "rtb-none" }));
    const others = { routeTableId: table.id, destinationCidrBlock: "10.9.0.0/16" };
    refuses("InvalidGatewayID.NotFound", () => aws.make("route", { ...others, gatewayId: "igw-none" }));
    refuses("InvalidNatGatewayID.NotFound", () => aws.make("route", { ...others, natGatewayId: "nat-none" }));
    const place = aws.subnet(network.id, 0);
    aws.make("association", { routeTableId: table.id, subnetId: place.id });
    refuses("Resource.AlreadyAssociated", () =>
      aws.make("association", { routeTableId: table.id, subnetId: place.id }),
    );
    refuses("DependencyViolation", () => aws.remove(table));
    const serviceName = "com.amazonaws.us-east-1.s3";
    refuses("InvalidServiceName", () => aws.make("endpoint", { vpcId: network.id, serviceName }));
  });

  it("keeps security groups while they are named", () => {
    const vpcId = aws.vpc().id;
    const [one, other] = ["one", "other"].map((name) => aws.make("group", { name, vpcId }));
    assert.ok(one !== undefined && other !== undefined);
    refuses("InvalidGroup.Duplicate", () => aws.make("group", { name: "one", vpcId }));
    const rule = { securityGroupId: one.id, referencedSecurityGroupId: other.id, ipProtocol: "-1" };
    aws.make("ingress", rule);
    refuses("InvalidPermission.Duplicate", () => aws.make("ingress", rule));
    refuses("InvalidGroup.NotFound", () => aws.make("ingress", { ...rule, referencedSecurityGroupId: "sg-none" }));
    refuses("DependencyViolation", () => aws.remove(other));
    aws.remove(one);
  });

  it("gives a launch template a new version with each change", () => {
    const template = aws.make("template", { name: "gpu" });
    refuses("InvalidLaunchTemplateName.AlreadyExistsException", () => aws.make("template", { name: "gpu" }));
    assert.equal(template.outputs.latestVersion, 1);
    const { outputs } = aws.change(template, {
      metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
    });
    assert.deepEqual([outputs.latestVersion, outputs.defaultVersion], [2, 1]);
    const hops = { metadataOptions: { httpPutResponseHopLimit: 65 } };
    refuses("InvalidParameterValue", () => aws.change(template, hops));
  });

  it("keeps roles and policies while they are in use", () => {
    const made = aws.role();
    refuses("EntityAlreadyExists", () => aws.role());
    refuses("MalformedPolicyDocument", () => aws.make("role", { name: "other", assumeRolePolicy: "{}" }));
    const policy = aws.make("policy", { name: "policy", policy: TRUST });
    refuses("EntityAlreadyExists", () => aws.make("policy", { name: "policy", policy: TRUST }));
    const long = JSON.stringify({ ...JSON.parse(TRUST), Id: "x".repeat(6144) });
    refuses("LimitExceeded", () => aws.make("policy", { name: "long", policy: long }));
    aws.make("attachment", { role: "role", policyArn: policy.id });
    aws.make("attachment", { role: "role", policyArn: "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy" });
    refuses("NoSuchEntity", () => aws.make("attachment", { role: "none", policyArn: policy.id }));
    refuses("NoSuchEntity", () => aws.make("attachment", { role: "role", policyArn: `${policy.id}-none` }));
    aws.make("rolePolicy", { role: "role", name: "inline", policy: TRUST });
    refuses("DeleteConflict", () => aws.remove(made));
    refuses("DeleteConflict", () => aws.remove(policy));
    aws.make("oidc", { url: "https://token.actions.githubusercontent.com" });
    refuses("EntityAlreadyExists", () => aws.make("oidc", { url: "https://token.actions.githubusercontent.com" }));
  });

  it("keeps buckets, repositories and file systems that hold something", () => {
    const bucket = aws.make("bucket", { bucket: "models" });
    refuses("BucketAlreadyOwnedByYou", () => aws.make("bucket", { bucket: "models" }));
    refuses("NoSuchBucket", () => aws.make("versioning", { bucket: "none" }));
    const object = aws.make("object", { bucket: "models", key: "model.onnx" });
    refuses("BucketNotEmpty", () => aws.remove(bucket));
    aws.remove(object);
    aws.remove(bucket);
    const repository = aws.make("repository", { name: "detector" });
    refuses("RepositoryAlreadyExistsException", () => aws.make("repository", { name: "detector" }));
    aws.account.change((resources) =>
      Object.assign(resources.get(repository.type, "detector")?.outputs ?? {}, { images: ["1"] }),
    );
    refuses("RepositoryNotEmptyException", () => aws.remove(repository));
    const files = aws.make("fileSystem", {});
    const place = aws.subnet(aws.vpc().id, 0);
    aws.make("mountTarget", { fileSystemId: files.id, subnetId: place.id });
    refuses("MountTargetConflict", () => aws.make("mountTarget", { fileSystemId: files.id, subnetId: place.id }));
    refuses("FileSystemNotFound", () => aws.make("mountTarget", { fileSystemId: "fs-none", subnetId: place.id }));
    refuses("FileSystemInUse", () => aws.remove(files));
    refuses("DependencyViolation", () => aws.remove(place));
  });

  it("keeps names of keys and logs apart, and rules while they have targets", () => {
    aws.make("alias", { name: "alias/yolo" });
    refuses("AlreadyExistsException", () => aws.make("alias", { name: "alias/yolo" }));
    aws.make("logs", { name: "/yolo" });
    refuses("ResourceAlreadyExistsException", () => aws.make("logs", { name: "/yolo" }));
    const rule = aws.make("rule", { name: "spot" });
    aws.make("target", { rule: "spot", arn: "arn:aws:sqs:eu-central-1:123456789012:q" });
    refuses("ValidationException", () => aws.remove(rule));
    refuses("ResourceNotFoundException", () => aws.make("target", { rule: "none", arn: "arn" }));
  });

  it("are all described", () => {
    const models = join(import.meta.dirname, "aws", "models");
    const sources = readdirSync(models)
      .map((name) => readFileSync(join(models, name), "utf8"))
      .join("\n");
    const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "standins.md"), "utf8");
    const codes = [...sources.matchAll(/(?:new Refusal|unique)\(\s*"([\w.]+)"/g)].map(([, code]) => `${code}`);
    const missing = [...new Set(codes)].filter((code) => !page.includes(`\`${code}\``));
    assert.deepEqual(missing, []);
  });
});

import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { NetworkArgs } from "../../../infra/network/args.ts";
import { Network } from "../../../infra/network/network.ts";
import { find, installMocks, outputValue, type Recording, type Registered, settle } from "../../support/pulumi.ts";

const ARGS: NetworkArgs = {
  clusterName: "yolo-test",
  zones: ["us-west-2a", "us-west-2b", "us-west-2c"],
  region: "us-west-2",
  cidr: "10.0.0.0/16",
  nat: "perZone",
  interfaceEndpoints: ["ecr.api", "sts"],
  flowLogs: { retentionDays: 14, traffic: "all" },
  karpenter: true,
  protect: true,
};

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:Network::network";

/** Builds the component under mocks, which do not show that AWS accepts it. */
async function build(changes: Partial<NetworkArgs> = {}) {
  const recording = await installMocks({
    states: {
      "aws:ec2/vpc:Vpc": () => ({ ownerId: "123456789012" }),
      "aws:cloudwatch/logGroup:LogGroup": () => ({ arn: "arn:aws:logs:us-west-2:123456789012:log-group:g" }),
      "aws:iam/role:Role": (name) => ({ name, arn: `arn:aws:iam::123456789012:role/${name}` }),
    },
  });
  const parent = new pulumi.ComponentResource("test:Parent", "parent");
  const network = new Network("network", { ...ARGS, ...changes }, { parent });
  await settle();
  return { network, recording };
}

function named(recording: Recording, type: string): string[] {
  return recording.resources
    .filter((each) => each.type === type)
    .map(({ name }) => name)
    .sort();
}

describe("Network", () => {
  let recording: Recording;
  let network: Network;
  const resource = (type: string, name: string): Registered => find(recording, `aws:${type}`, name);

  before(async () => {
    ({ recording, network } = await build());
  });

  it("is the parent of every resource", () => {
    for (const { type, name, parent } of recording.resources.filter((each) => each.type.startsWith("aws:"))) {
      assert.equal(parent, COMPONENT, `${type} ${name}`);
    }
  });

  it("registers the outputs that it offers", async () => {
    const { vpcId, publicSubnetIds, privateSubnets } = network;
    const expected = {
      vpcId: "network-id",
      publicSubnetIds: ARGS.zones.map((zone) => `network-public-${zone}-id`),
      privateSubnets: ARGS.zones.map((zone) => ({ zone, id: `network-private-${zone}-id` })),
    };
    assert.deepEqual(await outputValue(pulumi.output({ vpcId, publicSubnetIds, privateSubnets })), expected);
    assert.deepEqual(recording.outputs.get(COMPONENT), expected);
  });

  it("has names for its hosts, without which nodes do not register", () => {
    assert.deepEqual(resource("ec2/vpc:Vpc", "network").inputs, {
      cidrBlock: "10.0.0.0/16",
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags: { Name: "yolo-test" },
    });
  });

  it("closes the group that resources without a group get", () => {
    const { ingress, egress, vpcId } = resource("ec2/defaultSecurityGroup:DefaultSecurityGroup", "network").inputs;
    assert.deepEqual({ ingress, egress, vpcId }, { ingress: [], egress: [], vpcId: "network-id" });
  });

  it("tags subnets for load balancers and Karpenter, and gives no node a public address", () => {
    assert.deepEqual(resource("ec2/subnet:Subnet", "network-public-us-west-2b").inputs, {
      vpcId: "network-id",
      availabilityZone: "us-west-2b",
      cidrBlock: "10.0.228.0/22",
      tags: { Name: "yolo-test-public-us-west-2b", "kubernetes.io/role/elb": "1" },
    });
    assert.deepEqual(resource("ec2/subnet:Subnet", "network-private-us-west-2b").inputs, {
      vpcId: "network-id",
      availabilityZone: "us-west-2b",
      cidrBlock: "10.0.32.0/19",
      tags: {
        Name: "yolo-test-private-us-west-2b",
        "kubernetes.io/role/internal-elb": "1",
        "karpenter.sh/discovery": "yolo-test",
      },
    });
  });

  it("leads public subnets to the internet gateway and private ones to the NAT gateway of their zone", () => {
    const route = resource("ec2/route:Route", "network-public").inputs;
    assert.deepEqual(route, {
      routeTableId: "network-public-id",
      destinationCidrBlock: "0.0.0.0/0",
      gatewayId: "network-id",
    });
    for (const zone of ARGS.zones) {
      const name = `network-private-${zone}`;
      assert.deepEqual(resource("ec2/route:Route", name).inputs, {
        routeTableId: `${name}-id`,
        destinationCidrBlock: "0.0.0.0/0",
        natGatewayId: `network-${zone}-id`,
      });
      const association = "ec2/routeTableAssociation:RouteTableAssociation";
      assert.deepEqual(resource(association, name).inputs, { subnetId: `${name}-id`, routeTableId: `${name}-id` });
      assert.deepEqual(resource(association, `network-public-${zone}`).inputs, {
        subnetId: `network-public-${zone}-id`,
        routeTableId: "network-public-id",
      });
      assert.equal(
        resource("ec2/natGateway:NatGateway", `network-${zone}`).inputs.subnetId,
        `network-public-${zone}-id`,
      );
    }
  });

  it("makes NAT gateways after the internet gateway, and so deletes them before it (P11)", () => {
    const { urn } = resource("ec2/internetGateway:InternetGateway", "network");
    for (const zone of ARGS.zones) {
      assert.ok(resource("ec2/natGateway:NatGateway", `network-${zone}`).dependencies.includes(urn));
    }
  });

  it("shares one NAT gateway where it is told so, and keeps it and all tables when it gets more", async () => {
    const single = (await build({ nat: "single" })).recording;
    assert.deepEqual(named(single, "aws:ec2/natGateway:NatGateway"), ["network-us-west-2a"]);
    assert.deepEqual(named(single, "aws:ec2/eip:Eip"), ["network-us-west-2a"]);
    for (const zone of ARGS.zones) {
      const { natGatewayId } = find(single, "aws:ec2/route:Route", `network-private-${zone}`).inputs;
      assert.equal(natGatewayId, "network-us-west-2a-id");
    }
    const table = "aws:ec2/routeTable:RouteTable";
    assert.deepEqual(named(single, table), named(recording, table));
    assert.deepEqual(
      find(single, "aws:ec2/natGateway:NatGateway", "network-us-west-2a").inputs,
      resource("ec2/natGateway:NatGateway", "network-us-west-2a").inputs,
    );
  });

  it("reaches S3 without a NAT gateway from every subnet", () => {
    assert.deepEqual(resource("ec2/vpcEndpoint:VpcEndpoint", "network-s3").inputs, {
      vpcId: "network-id",
      vpcEndpointType: "Gateway",
      serviceName: "com.amazonaws.us-west-2.s3",
      routeTableIds: ["network-public-id", ...ARGS.zones.map((zone) => `network-private-${zone}-id`)],
      tags: { Name: "yolo-test-s3" },
    });
  });

  it("makes the named interface endpoints, which take HTTPS from the VPC only", () => {
    assert.deepEqual(named(recording, "aws:ec2/vpcEndpoint:VpcEndpoint"), [
      "network-ecr.api",
      "network-s3",
      "network-sts",
    ]);
    const { inputs } = resource("ec2/vpcEndpoint:VpcEndpoint", "network-ecr.api");
    assert.deepEqual(inputs, {
      vpcId: "network-id",
      vpcEndpointType: "Interface",
      serviceName: "com.amazonaws.us-west-2.ecr.api",
      privateDnsEnabled: true,
      subnetIds: ARGS.zones.map((zone) => `network-private-${zone}-id`),
      securityGroupIds: ["network-endpoints-id"],
      tags: { Name: "yolo-test-ecr.api" },
    });
    const rule = resource("vpc/securityGroupIngressRule:SecurityGroupIngressRule", "network-endpoints").inputs;
    const { cidrIpv4, ipProtocol, fromPort, toPort } = rule;
    assert.deepEqual([cidrIpv4, ipProtocol, fromPort, toPort], ["10.0.0.0/16", "tcp", 443, 443]);
  });

  it("records connections in a group that forgets, by a role that writes to this group and for this account only", () => {
    const group = resource("cloudwatch/logGroup:LogGroup", "network-flow-logs").inputs;
    assert.deepEqual(group, { name: "/aws/vpc/yolo-test/flow-logs", retentionInDays: 14 });
    const { assumeRolePolicy } = resource("iam/role:Role", "network-flow-logs").inputs;
    assert.deepEqual(assumeRolePolicy, {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: "vpc-flow-logs.amazonaws.com" },
          Action: "sts:AssumeRole",
          Condition: { StringEquals: { "aws:SourceAccount": "123456789012" } },
        },
      ],
    });
    const policy = resource("iam/rolePolicy:RolePolicy", "network-flow-logs");
    const { Statement } = policy.inputs.policy as { Statement: Record<string, unknown>[] };
    assert.deepEqual(
      Statement.map(({ Resource }) => Resource),
      ["arn:aws:logs:us-west-2:123456789012:log-group:g:*"],
    );
    const flowLog = resource("ec2/flowLog:FlowLog", "network");
    assert.deepEqual(flowLog.inputs, {
      vpcId: "network-id",
      trafficType: "ALL",
      logDestinationType: "cloud-watch-logs",
      logDestination: "arn:aws:logs:us-west-2:123456789012:log-group:g",
      iamRoleArn: "arn:aws:iam::123456789012:role/network-flow-logs",
      maxAggregationInterval: 600,
      tags: { Name: "yolo-test" },
    });
    assert.ok(flowLog.dependencies.includes(policy.urn));
  });

  it("protects what cannot be had again, and nothing that it replaces at times", () => {
    const guarded = recording.resources.filter(({ protect }) => protect).map(({ type }) => type);
    assert.deepEqual([...new Set(guarded)].sort(), ["aws:ec2/eip:Eip", "aws:ec2/subnet:Subnet", "aws:ec2/vpc:Vpc"]);
  });

  it("makes nothing that it is not asked for", async () => {
    const changes = { interfaceEndpoints: [], flowLogs: undefined, karpenter: false, protect: false } as const;
    const plain = (await build(changes)).recording;
    const types = new Set(plain.resources.map(({ type }) => type));
    for (const type of ["aws:ec2/flowLog:FlowLog", "aws:iam/role:Role", "aws:ec2/securityGroup:SecurityGroup"]) {
      assert.ok(!types.has(type), type);
    }
    assert.doesNotMatch(JSON.stringify(plain.resources), /karpenter/);
    assert.ok(plain.resources.every(({ protect }) => !protect));
  });

  it("lists every problem with its arguments", async () => {
    await installMocks();
    assert.throws(
      () => new Network("network", { ...ARGS, cidr: "10.0.0.0/8", zones: ["us-west-2a"] }),
      (error) => {
        assert.ok(pulumi.ResourceError.isInstance(error));
        assert.deepEqual(error.message.split("\n"), [
          'Expected a range from /16 to /20 for cidr but received "10.0.0.0/8"',
          'Expected 2 to 6 zones for zones but received ["us-west-2a"]',
        ]);
        return true;
      },
    );
  });
});

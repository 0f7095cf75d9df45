import { textAt, textsAt } from "../../values.ts";
import { overlap, parseCidr, within } from "../cidr.ts";
import { digits, type Model, type Models, type Request, terraform } from "../model.ts";
import { Refusal } from "../refusal.ts";
import { zonesOf } from "../regions.ts";

// Codes and their meaning: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html

export const VPC = "aws:ec2/vpc:Vpc";
export const SUBNET = "aws:ec2/subnet:Subnet";

/** A reference to a VPC. */
export const TO_VPC = {
  path: "vpcId",
  to: VPC,
  missing: (id: string) => new Refusal("InvalidVpcID.NotFound", `The vpc ID '${id}' does not exist`),
};

/** Says that a subnet does not exist. */
export const noSubnet = (id: string) => new Refusal("InvalidSubnetID.NotFound", `The subnet ID '${id}' does not exist`);

/** An answer of EC2 to the deletion of what is in use. */
export function dependency(kind: string): NonNullable<Model["held"]> {
  return ({ id }, by) =>
    new Refusal(
      "DependencyViolation",
      `The ${kind} '${id}' has dependencies and cannot be deleted (${by.type} ${by.id})`,
    );
}

const VPC_SIZES = { largest: 16, smallest: 28 };

function refuseVpc({ inputs }: Request): void {
  const cidr = textAt(inputs, "cidrBlock");
  if (cidr === undefined) return;
  const range = parseCidr(cidr);
  if (range === undefined)
    throw new Refusal("InvalidParameterValue", `Value (${cidr}) for parameter cidrBlock is invalid`);
  if (range.prefix < VPC_SIZES.largest || range.prefix > VPC_SIZES.smallest) {
    throw new Refusal("InvalidVpc.Range", `The CIDR '${cidr}' is invalid.`);
  }
}

function refuseSubnet({ inputs, old, region, resources }: Request): void {
  if (old !== undefined) return;
  const cidr = textAt(inputs, "cidrBlock") ?? "";
  const zone = textAt(inputs, "availabilityZone");
  const vpc = resources.get(VPC, textAt(inputs, "vpcId") ?? "");
  const range = parseCidr(cidr);
  const whole = parseCidr(textAt(vpc?.inputs, "cidrBlock") ?? "");
  if (range === undefined || whole === undefined || !within(range, whole)) {
    throw new Refusal("InvalidSubnet.Range", `The CIDR '${cidr}' is invalid.`);
  }
  for (const other of resources.all(SUBNET).filter((each) => each.inputs.vpcId === vpc?.id)) {
    const taken = parseCidr(textAt(other.inputs, "cidrBlock") ?? "");
    if (taken !== undefined && overlap(range, taken)) {
      throw new Refusal("InvalidSubnet.Conflict", `The CIDR '${cidr}' conflicts with another subnet`);
    }
  }
  const zones = zonesOf(region).map(({ name }) => name);
  if (zone !== undefined && !zones.includes(zone)) {
    throw new Refusal(
      "InvalidParameterValue",
      `Value (${zone}) for parameter availabilityZone is invalid. ` +
        `Subnets can currently only be created in the following availability zones: ${zones.join(", ")}.`,
    );
  }
}

/** Networks: https://docs.aws.amazon.com/vpc/latest/userguide/what-is-amazon-vpc.html */
export const VPC_MODELS: Models = {
  [VPC]: {
    source: terraform("ec2", "vpc_"),
    replace: ["cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength"],
    id: "vpc",
    arn: { service: "ec2", of: (id) => `vpc/${id}` },
    kept: ({ account }) => ({
      ownerId: account,
      defaultSecurityGroupId: `sg-${digits()}`,
      defaultRouteTableId: `rtb-${digits()}`,
      mainRouteTableId: `rtb-${digits()}`,
      defaultNetworkAclId: `acl-${digits()}`,
      dhcpOptionsId: `dopt-${digits()}`,
    }),
    refuse: refuseVpc,
    held: dependency("vpc"),
  },
  [SUBNET]: {
    source: terraform("ec2", "vpc_subnet"),
    replace: ["vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "outpostArn", "ipv6Native"],
    id: "subnet",
    arn: { service: "ec2", of: (id) => `subnet/${id}` },
    kept: ({ inputs, account, region }) => {
      const zone = zonesOf(region).find(({ name }) => name === inputs.availabilityZone) ?? zonesOf(region)[0];
      return { ownerId: account, availabilityZone: zone?.name, availabilityZoneId: zone?.id };
    },
    references: [TO_VPC],
    refuse: refuseSubnet,
    held: dependency("subnet"),
  },
  "aws:ec2/internetGateway:InternetGateway": {
    source: terraform("ec2", "vpc_internet_gateway"),
    replace: [],
    id: "igw",
    arn: { service: "ec2", of: (id) => `internet-gateway/${id}` },
    outputs: ({ account }) => ({ ownerId: account }),
    references: [TO_VPC],
    refuse: ({ inputs, old, resources }) => {
      const vpcId = textAt(inputs, "vpcId");
      const other = resources
        .all("aws:ec2/internetGateway:InternetGateway")
        .find((each) => each.id !== old?.id && vpcId !== undefined && each.inputs.vpcId === vpcId);
      if (other === undefined) return;
      throw new Refusal("Resource.AlreadyAssociated", `resource ${vpcId} is already associated with ${other.id}`);
    },
    refuseDelete: (stored, resources) => {
      const subnets = resources.all(SUBNET).filter((each) => each.inputs.vpcId === stored.inputs.vpcId);
      const mapped = resources
        .all("aws:ec2/natGateway:NatGateway")
        .find((nat) => nat.inputs.allocationId !== undefined && subnets.some(({ id }) => id === nat.inputs.subnetId));
      if (mapped === undefined) return;
      throw new Refusal(
        "DependencyViolation",
        `Network ${stored.inputs.vpcId} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway. (${mapped.id})`,
      );
    },
  },
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {
    source: terraform("ec2", "vpc_default_security_group"),
    replace: ["vpcId"],
    id: ({ inputs, resources }) =>
      textAt(resources.get(VPC, textAt(inputs, "vpcId") ?? "")?.outputs, "defaultSecurityGroupId") ?? `sg-${digits()}`,
    arn: { service: "ec2", of: (id) => `security-group/${id}` },
    outputs: ({ account }) => ({ ownerId: account, name: "default", description: "default VPC security group" }),
    references: [{ ...TO_VPC, holds: false }],
  },
  "aws:ec2/defaultRouteTable:DefaultRouteTable": {
    source: terraform("ec2", "vpc_default_route_table"),
    replace: ["defaultRouteTableId"],
    id: ({ inputs }) => textsAt(inputs, "defaultRouteTableId")[0] ?? `rtb-${digits()}`,
  },
};

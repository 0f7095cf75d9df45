import { textAt } from "../../values.ts";
import { digits, type Models, type Request, terraform } from "../model.ts";
import { Refusal } from "../refusal.ts";
import { dependency, noSubnet, SUBNET, TO_VPC } from "./vpc.ts";

const ROUTE = "aws:ec2/route:Route";
const ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation";
const NAT = "aws:ec2/natGateway:NatGateway";
const TO_SUBNET = { path: "subnetId", to: SUBNET, missing: noSubnet };
const TO_TABLE = {
  path: "routeTableId",
  to: "aws:ec2/routeTable:RouteTable",
  missing: (id: string) => new Refusal("InvalidRouteTableID.NotFound", `The routeTable ID '${id}' does not exist`),
};
const DESTINATIONS = ["destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"];

function destination(inputs: Record<string, unknown>): string | undefined {
  return DESTINATIONS.map((each) => textAt(inputs, each)).find((each) => each !== undefined);
}

function refuseRoute({ inputs, old, resources }: Request): void {
  const same = resources
    .all(ROUTE)
    .find(
      (each) => each.inputs.routeTableId === inputs.routeTableId && destination(each.inputs) === destination(inputs),
    );
  if (old !== undefined || same === undefined) return;
  throw new Refusal("RouteAlreadyExists", `The route identified by ${destination(inputs)} already exists.`);
}

/** Ways out of subnets. */
export const ROUTING_MODELS: Models = {
  "aws:ec2/eip:Eip": {
    source: terraform("ec2", "ec2_eip"),
    replace: ["domain", "address", "networkBorderGroup", "publicIpv4Pool", "customerOwnedIpv4Pool", "ipamPoolId"],
    id: "eipalloc",
    arn: { service: "ec2", of: (id) => `elastic-ip/${id}` },
    // An address of a range that is for documentation only: RFC 5737.
    kept: ({ resources }, id) => ({
      allocationId: id,
      publicIp: `203.0.113.${resources.all("aws:ec2/eip:Eip").length + 1}`,
    }),
    held: ({ id }, by) => new Refusal("InvalidIPAddress.InUse", `The address ${id} is in use by ${by.id}`),
  },
  [NAT]: {
    source: terraform("ec2", "vpc_nat_gateway"),
    replace: ["subnetId", "allocationId", "connectivityType", "privateIp", "vpcId", "availabilityMode"],
    id: "nat",
    kept: ({ inputs, resources }) => ({
      networkInterfaceId: `eni-${digits()}`,
      associationId: `eipassoc-${digits()}`,
      publicIp: textAt(resources.get("aws:ec2/eip:Eip", textAt(inputs, "allocationId") ?? "")?.outputs, "publicIp"),
    }),
    references: [
      TO_SUBNET,
      {
        path: "allocationId",
        to: "aws:ec2/eip:Eip",
        missing: (id) => new Refusal("InvalidAllocationID.NotFound", `The allocation ID '${id}' does not exist`),
      },
    ],
    refuse: ({ inputs, old, resources }) => {
      const address = textAt(inputs, "allocationId");
      const other = resources.all(NAT).find((each) => each.id !== old?.id && each.inputs.allocationId === address);
      if (address === undefined || other === undefined) return;
      throw new Refusal("Resource.AlreadyAssociated", `resource ${address} is already associated with ${other.id}`);
    },
  },
  "aws:ec2/routeTable:RouteTable": {
    source: terraform("ec2", "vpc_route_table"),
    replace: ["vpcId"],
    id: "rtb",
    arn: { service: "ec2", of: (id) => `route-table/${id}` },
    outputs: ({ account }) => ({ ownerId: account }),
    references: [TO_VPC],
    held: dependency("routeTable"),
  },
  [ROUTE]: {
    source: terraform("ec2", "vpc_route"),
    replace: ["routeTableId", ...DESTINATIONS],
    id: ({ inputs }) => `r-${inputs.routeTableId}${destination(inputs)?.length ?? 0}${digits(8)}`,
    outputs: () => ({ origin: "CreateRoute", state: "active" }),
    references: [
      { ...TO_TABLE, holds: false },
      {
        path: "natGatewayId",
        holds: false,
        to: NAT,
        missing: (id) => new Refusal("InvalidNatGatewayID.NotFound", `The natGateway ID '${id}' does not exist`),
      },
      {
        path: "gatewayId",
        holds: false,
        to: "aws:ec2/internetGateway:InternetGateway",
        missing: (id) => new Refusal("InvalidGatewayID.NotFound", `The gateway ID '${id}' does not exist`),
        foreign: /^(local|vgw-|vpce-)/,
      },
    ],
    refuse: refuseRoute,
  },
  [ASSOCIATION]: {
    source: terraform("ec2", "vpc_route_table_association"),
    replace: ["subnetId", "gatewayId"],
    id: "rtbassoc",
    references: [TO_TABLE, { ...TO_SUBNET, holds: false }],
    refuse: ({ inputs, old, resources }) => {
      const other = resources
        .all(ASSOCIATION)
        .find((each) => each.id !== old?.id && each.inputs.subnetId === inputs.subnetId);
      if (inputs.subnetId === undefined || other === undefined) return;
      throw new Refusal(
        "Resource.AlreadyAssociated",
        `the specified association for route table conflicts with ${other.id}`,
      );
    },
  },
  "aws:ec2/vpcEndpoint:VpcEndpoint": {
    source: terraform("ec2", "vpc_endpoint"),
    replace: [
      "serviceName",
      "vpcId",
      "vpcEndpointType",
      "serviceRegion",
      "resourceConfigurationArn",
      "serviceNetworkArn",
    ],
    replaceAlso: (before, after) =>
      after.vpcEndpointType !== "Interface" && before.privateDnsEnabled !== after.privateDnsEnabled
        ? ["privateDnsEnabled"]
        : [],
    id: "vpce",
    arn: { service: "ec2", of: (id) => `vpc-endpoint/${id}` },
    kept: ({ account }) => ({ ownerId: account, state: "available", prefixListId: `pl-${digits(8)}` }),
    references: [
      TO_VPC,
      { path: "subnetIds", to: SUBNET, missing: noSubnet },
      { ...TO_TABLE, path: "routeTableIds", holds: false },
      { path: "securityGroupIds", to: "aws:ec2/securityGroup:SecurityGroup" },
    ],
    refuse: ({ inputs, region }) => {
      const service = textAt(inputs, "serviceName");
      if (service === undefined || service.startsWith(`com.amazonaws.${region}.`)) return;
      throw new Refusal("InvalidServiceName", `The Vpc Endpoint Service '${service}' does not exist`);
    },
  },
  "aws:ec2/flowLog:FlowLog": {
    source: terraform("ec2", "vpc_flow_log"),
    replace: [
      "deliverCrossAccountRole",
      "iamRoleArn",
      "logDestination",
      "logDestinationType",
      "logFormat",
      "maxAggregationInterval",
      "trafficType",
      "vpcId",
      "subnetId",
      "eniId",
    ],
    id: "fl",
    arn: { service: "ec2", of: (id) => `vpc-flow-log/${id}` },
    references: [{ ...TO_VPC, holds: false }],
  },
};

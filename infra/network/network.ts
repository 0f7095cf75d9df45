import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { refuseProblems } from "../problems.ts";
import type { NetworkArgs } from "./args.ts";
import { networkProblems, zoneProblems } from "./checks.ts";
import { interfaceEndpoints, s3Endpoint } from "./endpoints.ts";
import { recordTraffic } from "./flow-logs.ts";
import { planSubnets } from "./subnets.ts";

/** A subnet, and the zone that it lies in. */
export interface ZoneSubnet {
  zone: string;
  id: pulumi.Output<string>;
}

const EVERYWHERE = "0.0.0.0/0";

/**
 * A VPC with a public and a private subnet in each zone. Nodes and pods lie in the private ones and reach the outside by NAT
 * gateways; the public ones hold these and load balancers. What needs the outside must depend on the whole component: a subnet
 * exists before its routes do.
 */
export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  readonly publicSubnetIds: pulumi.Output<string>[];
  readonly privateSubnets: ZoneSubnet[];

  /** Throws one ResourceError that lists every problem with the arguments. */
  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:Network", name, {}, opts);
    const problems = [...networkProblems(args), ...zoneProblems(args.zones)];
    refuseProblems(problems, this);

    const { clusterName, protect } = args;
    const parent = { parent: this };
    const tags = (suffix = "") => ({ Name: `${clusterName}${suffix}` });
    const vpc = new aws.ec2.Vpc(
      name,
      // Nodes register by the names that this makes: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
      { cidrBlock: args.cidr, enableDnsHostnames: true, enableDnsSupport: true, tags: tags() },
      { ...parent, protect },
    );
    const vpcId = vpc.id;
    // Without rules: nothing gets a connection by lying in the group that AWS puts everything into that names none.
    new aws.ec2.DefaultSecurityGroup(name, { vpcId, ingress: [], egress: [], tags: tags("-default") }, parent);
    const internet = new aws.ec2.InternetGateway(name, { vpcId, tags: tags() }, parent);
    const publicTable = new aws.ec2.RouteTable(`${name}-public`, { vpcId, tags: tags("-public") }, parent);
    new aws.ec2.Route(
      `${name}-public`,
      { routeTableId: publicTable.id, destinationCidrBlock: EVERYWHERE, gatewayId: internet.id },
      parent,
    );

    const privateSubnets: ZoneSubnet[] = [];
    const publicSubnetIds: pulumi.Output<string>[] = [];
    const privateTableIds: pulumi.Output<string>[] = [];
    let gateway: aws.ec2.NatGateway | undefined;
    for (const { zone, publicCidr, privateCidr } of planSubnets(args.cidr, args.zones)) {
      const publicName = `${name}-public-${zone}`;
      const publicSubnet = new aws.ec2.Subnet(
        publicName,
        {
          vpcId,
          availabilityZone: zone,
          cidrBlock: publicCidr,
          // By this tag controllers find the subnets for load balancers that the internet reaches:
          // https://docs.aws.amazon.com/eks/latest/userguide/network-load-balancing.html
          tags: { ...tags(`-public-${zone}`), "kubernetes.io/role/elb": "1" },
        },
        { ...parent, protect },
      );
      associate(publicName, publicSubnet, publicTable, parent);

      if (gateway === undefined || args.nat === "perZone") {
        const address = new aws.ec2.Eip(
          `${name}-${zone}`,
          { domain: "vpc", tags: tags(`-nat-${zone}`) },
          // Others may have allowed it through their firewalls.
          { ...parent, protect },
        );
        gateway = new aws.ec2.NatGateway(
          `${name}-${zone}`,
          { subnetId: publicSubnet.id, allocationId: address.id, tags: tags(`-${zone}`) },
          { ...parent, dependsOn: internet },
        );
      }

      const privateName = `${name}-private-${zone}`;
      const privateSubnet = new aws.ec2.Subnet(
        privateName,
        {
          vpcId,
          availabilityZone: zone,
          cidrBlock: privateCidr,
          tags: {
            ...tags(`-private-${zone}`),
            "kubernetes.io/role/internal-elb": "1",
            ...(args.karpenter && { "karpenter.sh/discovery": clusterName }),
          },
        },
        { ...parent, protect },
      );
      // One for each zone also where they share a gateway, so that a stack can go from one gateway to several in place.
      const privateTable = new aws.ec2.RouteTable(privateName, { vpcId, tags: tags(`-private-${zone}`) }, parent);
      new aws.ec2.Route(
        privateName,
        { routeTableId: privateTable.id, destinationCidrBlock: EVERYWHERE, natGatewayId: gateway.id },
        parent,
      );
      associate(privateName, privateSubnet, privateTable, parent);
      publicSubnetIds.push(publicSubnet.id);
      privateSubnets.push({ zone, id: privateSubnet.id });
      privateTableIds.push(privateTable.id);
    }

    const place = { vpcId, cidr: args.cidr, region: args.region, clusterName };
    s3Endpoint(name, place, [publicTable.id, ...privateTableIds], parent);
    const privateSubnetIds = privateSubnets.map(({ id }) => id);
    interfaceEndpoints(name, place, args.interfaceEndpoints, privateSubnetIds, parent);
    if (args.flowLogs !== undefined) recordTraffic(name, vpc, clusterName, args.flowLogs, parent);

    this.vpcId = vpcId;
    this.publicSubnetIds = publicSubnetIds;
    this.privateSubnets = privateSubnets;
    this.registerOutputs({ vpcId, publicSubnetIds, privateSubnets });
  }
}

type Parent = { parent: pulumi.Resource };

function associate(name: string, subnet: aws.ec2.Subnet, table: aws.ec2.RouteTable, parent: Parent): void {
  new aws.ec2.RouteTableAssociation(name, { subnetId: subnet.id, routeTableId: table.id }, parent);
}

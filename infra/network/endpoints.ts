import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { InterfaceEndpoint } from "./args.ts";

/** Where endpoints lie. */
export interface Place {
  vpcId: pulumi.Input<string>;
  /** Addresses of the VPC. */
  cidr: string;
  region: pulumi.Input<string>;
  clusterName: string;
}

type Parent = { parent: pulumi.Resource };

/** Lets the subnets of the given route tables reach S3 without a NAT gateway, and so without its price: models, and the layers of ECR's images. */
export function s3Endpoint(
  name: string,
  { vpcId, region, clusterName }: Place,
  routeTableIds: pulumi.Input<string>[],
  parent: Parent,
): void {
  new aws.ec2.VpcEndpoint(
    `${name}-s3`,
    {
      vpcId,
      vpcEndpointType: "Gateway",
      serviceName: serviceName(region, "s3"),
      routeTableIds,
      tags: { Name: `${clusterName}-s3` },
    },
    parent,
  );
}

/** Lets the VPC reach the given services at addresses of its own. */
export function interfaceEndpoints(
  name: string,
  { vpcId, cidr, region, clusterName }: Place,
  services: readonly InterfaceEndpoint[],
  subnetIds: pulumi.Input<string>[],
  parent: Parent,
): void {
  if (services.length === 0) return;
  const tags = (suffix: string) => ({ Name: `${clusterName}-${suffix}` });
  const group = new aws.ec2.SecurityGroup(
    `${name}-endpoints`,
    {
      vpcId,
      description: "HTTPS from the VPC to the interface endpoints",
      tags: tags("endpoints"),
    },
    parent,
  );
  new aws.vpc.SecurityGroupIngressRule(
    `${name}-endpoints`,
    {
      securityGroupId: group.id,
      cidrIpv4: cidr,
      ipProtocol: "tcp",
      fromPort: 443,
      toPort: 443,
      tags: tags("endpoints"),
    },
    parent,
  );
  for (const service of services) {
    new aws.ec2.VpcEndpoint(
      `${name}-${service}`,
      {
        vpcId,
        vpcEndpointType: "Interface",
        serviceName: serviceName(region, service),
        // Callers use the service's usual name.
        privateDnsEnabled: true,
        subnetIds,
        securityGroupIds: [group.id],
        tags: tags(service),
      },
      parent,
    );
  }
}

function serviceName(region: pulumi.Input<string>, service: string): pulumi.Output<string> {
  return pulumi.interpolate`com.amazonaws.${region}.${service}`;
}

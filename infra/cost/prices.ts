import type { InstanceTypeName } from "../nodes/instance-types.ts";

/** Regions whose prices are known. */
export const PRICED_REGIONS = ["us-east-1", "us-west-2", "eu-central-1"] as const;

/** A region with a price table. */
export type PricedRegion = (typeof PRICED_REGIONS)[number];

/** Hours of a month, as AWS's calculator counts them: https://docs.aws.amazon.com/pricing-calculator/latest/userguide/aws-pricing-calculator.pdf */
export const HOURS_PER_MONTH = 730;

/** What is billed besides instances. */
export interface ServicePrices {
  /** Control plane of a cluster in standard support, an hour. */
  eksHour: number;
  /** NAT gateway, an hour; its traffic comes on top. */
  natGatewayHour: number;
  /** Public IPv4 address in use, an hour. */
  publicIpv4Hour: number;
  /** Application or network load balancer, an hour; its traffic (LCU) comes on top. */
  loadBalancerHour: number;
  /** Interface endpoint in one zone, an hour; its traffic comes on top. */
  interfaceEndpointHour: number;
  /** gp3 volume with its baseline of 3000 IOPS and 125 MiB/s, a GiB and month. */
  gp3GibMonth: number;
  /** Key that the account manages, a month. */
  kmsKeyMonth: number;
}

/** AWS's page of each service's price. */
export const SERVICE_SOURCES: Readonly<Record<keyof ServicePrices, string>> = {
  eksHour: "https://aws.amazon.com/eks/pricing/",
  natGatewayHour: "https://aws.amazon.com/vpc/pricing/",
  publicIpv4Hour: "https://aws.amazon.com/vpc/pricing/",
  loadBalancerHour: "https://aws.amazon.com/elasticloadbalancing/pricing/",
  interfaceEndpointHour: "https://aws.amazon.com/privatelink/pricing/",
  gp3GibMonth: "https://aws.amazon.com/ebs/pricing/",
  kmsKeyMonth: "https://aws.amazon.com/kms/pricing/",
};

/** AWS's page of the instances' prices. */
export const INSTANCE_SOURCE = "https://aws.amazon.com/ec2/pricing/on-demand/";

/** List prices of one region in USD, without tax and discounts; what is missing could not be sourced. */
export interface PriceTable {
  /** Day on which AWS had the instances' prices, as YYYY-MM-DD. */
  instancesDate: string;
  /** Linux, on demand, shared tenancy, an hour. */
  instances: Readonly<Partial<Record<InstanceTypeName, number>>>;
  /** Day on which the services' prices were read from AWS. */
  servicesDate: string;
  services: Readonly<Partial<ServicePrices>>;
}

/**
 * Read from AWS's price list on 2026-01-19 by Karpenter's generator:
 * https://github.com/aws/karpenter-provider-aws/blob/main/pkg/providers/pricing/zz_generated.pricing_aws.go
 */
const US_EAST_1 = {
  "g4dn.xlarge": 0.526,
  "g4dn.2xlarge": 0.752,
  "g4dn.4xlarge": 1.204,
  "g4dn.8xlarge": 2.176,
  "g4dn.12xlarge": 3.912,
  "g4dn.16xlarge": 4.352,
  "g5.xlarge": 1.006,
  "g5.2xlarge": 1.212,
  "g5.4xlarge": 1.624,
  "g5.8xlarge": 2.448,
  "g5.12xlarge": 5.672,
  "g5.16xlarge": 4.096,
  "g5.24xlarge": 8.144,
  "g5.48xlarge": 16.288,
  "g5g.xlarge": 0.42,
  "g5g.2xlarge": 0.556,
  "g5g.4xlarge": 0.828,
  "g5g.8xlarge": 1.372,
  "g5g.16xlarge": 2.744,
  "g6.xlarge": 0.8048,
  "g6.2xlarge": 0.9776,
  "g6.4xlarge": 1.3232,
  "g6.8xlarge": 2.0144,
  "g6.12xlarge": 4.6016,
  "g6.16xlarge": 3.3968,
  "g6.24xlarge": 6.6752,
  "g6.48xlarge": 13.3504,
  "gr6.4xlarge": 1.5392,
  "gr6.8xlarge": 2.4464,
  "g6e.xlarge": 1.861,
  "g6e.2xlarge": 2.24208,
  "g6e.4xlarge": 3.00424,
  "g6e.8xlarge": 4.52856,
  "g6e.12xlarge": 10.49264,
  "g6e.16xlarge": 7.57719,
  "g6e.24xlarge": 15.06559,
  "g6e.48xlarge": 30.13118,
  "p4d.24xlarge": 21.957642,
  "p4de.24xlarge": 27.44705,
  "p5.4xlarge": 6.88,
  "p5.48xlarge": 55.04,
  "p5en.48xlarge": 63.296,
  "p6-b200.48xlarge": 113.9328,
  "t3.medium": 0.0416,
  "t3.large": 0.0832,
  "t3.xlarge": 0.1664,
  "t3.2xlarge": 0.3328,
  "t4g.medium": 0.0336,
  "t4g.large": 0.0672,
  "t4g.xlarge": 0.1344,
  "t4g.2xlarge": 0.2688,
  "m6i.large": 0.096,
  "m6i.xlarge": 0.192,
  "m6i.2xlarge": 0.384,
  "m6i.4xlarge": 0.768,
  "m7i.large": 0.1008,
  "m7i.xlarge": 0.2016,
  "m7i.2xlarge": 0.4032,
  "m7i.4xlarge": 0.8064,
  "m7g.large": 0.0816,
  "m7g.xlarge": 0.1632,
  "m7g.2xlarge": 0.3264,
  "m7g.4xlarge": 0.6528,
} as const satisfies Record<InstanceTypeName, number>;

/**
 * Types that were seen to cost the same in us-west-2; others of the table could not be read there.
 * Source: https://github.com/skypilot-org/skypilot-catalog, catalogs/v7/aws/vms.csv at 001367d. That copy bears no date, but its
 * prices in us-east-1 are those above, and so it counts as of the same day; t3.medium from AWS's price list on 2026-10-04.
 */
const SAME_IN_US_WEST_2: readonly InstanceTypeName[] = [
  "g4dn.xlarge",
  "g4dn.4xlarge",
  "g4dn.8xlarge",
  "g5.xlarge",
  "g5.4xlarge",
  "g5.8xlarge",
  "g5.12xlarge",
  "g5.48xlarge",
  "g5g.2xlarge",
  "g5g.4xlarge",
  "g5g.8xlarge",
  "g5g.16xlarge",
  "g6.xlarge",
  "g6.4xlarge",
  "g6.8xlarge",
  "g6.48xlarge",
  "gr6.4xlarge",
  "gr6.8xlarge",
  "g6e.xlarge",
  "g6e.8xlarge",
  "g6e.12xlarge",
  "g6e.16xlarge",
  "g6e.24xlarge",
  "t3.medium",
  "m7i.large",
  "m7i.xlarge",
  "m7i.2xlarge",
  "m7i.4xlarge",
  "m7g.large",
  "m7g.xlarge",
  "m7g.2xlarge",
];

/** Prices by region. */
export const PRICES: Readonly<Record<PricedRegion, PriceTable>> = {
  "us-east-1": {
    instancesDate: "2026-01-19",
    instances: US_EAST_1,
    servicesDate: "2026-03-13",
    services: {
      eksHour: 0.1,
      natGatewayHour: 0.045,
      publicIpv4Hour: 0.005,
      loadBalancerHour: 0.0225,
      interfaceEndpointHour: 0.01,
      gp3GibMonth: 0.08,
      kmsKeyMonth: 1,
    },
  },
  "us-west-2": {
    instancesDate: "2026-01-19",
    instances: Object.fromEntries(SAME_IN_US_WEST_2.map((name) => [name, US_EAST_1[name]])),
    servicesDate: "2026-10-04",
    // Not sourced: interface endpoints.
    services: {
      eksHour: 0.1,
      natGatewayHour: 0.045,
      publicIpv4Hour: 0.005,
      loadBalancerHour: 0.0225,
      gp3GibMonth: 0.08,
      kmsKeyMonth: 1,
    },
  },
  "eu-central-1": {
    instancesDate: "2026-01-19",
    // From the same catalog as us-west-2; what is missing could not be read: other sizes, and m6i, t3, t4g and all p.
    instances: {
      "g4dn.xlarge": 0.658,
      "g4dn.8xlarge": 2.72,
      "g5.xlarge": 1.258,
      "g5.4xlarge": 2.03081,
      "g5.8xlarge": 3.06122,
      "g5.12xlarge": 7.09282,
      "g5.48xlarge": 20.3681,
      "g5g.2xlarge": 0.6955,
      "g5g.4xlarge": 1.0358,
      "g5g.8xlarge": 1.7163,
      "g5g.16xlarge": 3.4326,
      "g6.xlarge": 1.0064,
      "g6.4xlarge": 1.65466,
      "g6.8xlarge": 2.519,
      "gr6.4xlarge": 1.9248,
      "gr6.8xlarge": 3.05927,
      "g6e.xlarge": 2.327,
      "g6e.2xlarge": 2.8035,
      "g6e.12xlarge": 13.12002,
      "g6e.16xlarge": 9.47454,
      "g6e.24xlarge": 18.83806,
      "m7i.large": 0.12075,
      "m7i.xlarge": 0.2415,
      "m7i.2xlarge": 0.483,
      "m7i.4xlarge": 0.966,
      "m7g.large": 0.0978,
      "m7g.xlarge": 0.1955,
      "m7g.2xlarge": 0.391,
      "m7g.4xlarge": 0.7821,
    },
    servicesDate: "2026-08-26",
    services: {
      eksHour: 0.1,
      natGatewayHour: 0.052,
      publicIpv4Hour: 0.005,
      loadBalancerHour: 0.027,
      interfaceEndpointHour: 0.012,
      gp3GibMonth: 0.0952,
      kmsKeyMonth: 1,
    },
  },
};

/** The price table of a region; undefined for a region without one. */
export function priceTable(region: string): PriceTable | undefined {
  return Object.hasOwn(PRICES, region) ? PRICES[region as PricedRegion] : undefined;
}

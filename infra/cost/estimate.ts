import type { NodeGroupSettings, NodesSettings } from "../nodes/args.ts";
import type { InstanceTypeName } from "../nodes/instance-types.ts";
import { HOURS_PER_MONTH, INSTANCE_SOURCE, priceTable, SERVICE_SOURCES, type ServicePrices } from "./prices.ts";

/** From the least to the most; the same twice for what does not scale. */
export interface Range {
  min: number;
  max: number;
}

/** What a stack has that is billed by the hour, or by the month and size. */
export interface EstimateInput {
  region: string;
  natGateways: number;
  /** Load balancers, and the public addresses that each has: none inside, one a zone outside. */
  loadBalancers: { count: number; publicAddresses: number };
  /** Interface endpoints, each counted once for each of its zones. */
  interfaceEndpoints: number;
  /** Components that make a key each. */
  kmsKeys: readonly string[];
  /** gp3 volumes that pods of the monitoring claim, by what they hold. */
  volumesGib: Readonly<Record<string, number>>;
  nodeGroups: readonly EstimatedGroup[];
}

/** The part of a node group's settings that costs. */
export type EstimatedGroup = Pick<
  NodeGroupSettings,
  "instanceTypes" | "capacity" | "min" | "max" | "desired" | "diskGib"
> & {
  name: string;
  /** Whether the number of nodes follows the load; a group of fixed size counts the nodes that it starts with. Defaults to true. */
  scales?: boolean;
};

/** One line of an estimate. */
export interface EstimateLine {
  /** Name of the component that makes it. */
  component: string;
  what: string;
  /** How many of the unit. */
  quantity: Range;
  unit: string;
  /** Price of one unit; a range where a group may have several types; missing where it is not known. */
  unitUsd?: Range;
  /** Missing where the price is not known. */
  monthlyUsd?: Range;
  source: string;
}

/** What a stack costs in a month. */
export interface Estimate {
  region: string;
  /** Days of the price tables; missing for a region without one. */
  pricesOf?: { instances: string; services: string };
  lines: EstimateLine[];
  /** Sum of the lines whose price is known. */
  monthlyUsd: Range;
  /** The same sum for each component that has such lines. */
  components: Readonly<Record<string, Range>>;
  /** Lines whose price is not known: the sum is too low by them. */
  unknown: string[];
  notCounted: readonly string[];
}

/** What no line counts, because it follows use and not the configuration. */
export const NOT_COUNTED = [
  "traffic: out of AWS, between zones, through NAT gateways, load balancers (LCU) and endpoints",
  "logs, metrics and traces in CloudWatch",
  "storage and requests of S3 and ECR; EFS",
  "CPU credits of T instances beyond their baseline; IOPS and throughput of gp3 beyond its baseline",
  "extended support of an old Kubernetes version (0.60 instead of 0.10 USD an hour)",
  "the discount of spot instances, which count as on demand; other discounts, free tiers, tax",
] as const;

/** The groups of a stack, as an estimate counts them: Karpenter leaves the system group as it is, and starts the others itself. */
export function estimatedGroups({ autoscaler, system, gpu }: NodesSettings): EstimatedGroup[] {
  return [
    { ...system, name: "system", scales: autoscaler === "clusterAutoscaler" },
    ...Object.entries(gpu).map(([name, group]) => ({ ...group, name })),
  ];
}

/** The monthly cost of what a stack's configuration makes, at list prices; spot instances count as on demand, their upper bound. */
export function estimate(input: EstimateInput): Estimate {
  const table = priceTable(input.region);
  const hourly = (component: string, what: string, key: keyof ServicePrices, count: number) =>
    serviceLine(component, `${what} × ${count}`, count * HOURS_PER_MONTH, "h", key, table?.services);
  const monthly = (component: string, what: string, key: keyof ServicePrices, count: number, unit: string) =>
    serviceLine(component, what, count, unit, key, table?.services);
  const { natGateways, loadBalancers, interfaceEndpoints, kmsKeys, volumesGib, nodeGroups } = input;
  const addresses = loadBalancers.count * loadBalancers.publicAddresses;
  // Components as stacks/eks/ names them.
  const lines = [
    hourly("cluster", "EKS control plane", "eksHour", 1),
    hourly("network", "NAT gateway", "natGatewayHour", natGateways),
    hourly("network", "public IPv4 address of a NAT gateway", "publicIpv4Hour", natGateways),
    hourly("network", "interface endpoint", "interfaceEndpointHour", interfaceEndpoints),
    hourly("exposure", "load balancer", "loadBalancerHour", loadBalancers.count),
    hourly("exposure", "public IPv4 address of a load balancer", "publicIpv4Hour", addresses),
    ...kmsKeys.map((component) => monthly(component, `KMS key of ${component}`, "kmsKeyMonth", 1, "month")),
    ...Object.entries(volumesGib).map(([what, gib]) =>
      monthly("monitoring", `volume: ${what}`, "gp3GibMonth", gib, "GiB"),
    ),
    ...nodeGroups.flatMap((group) => groupLines(group, table?.instances ?? {}, table?.services)),
  ].filter(({ quantity }) => quantity.max > 0);
  const known = lines.flatMap(({ component, monthlyUsd }) =>
    monthlyUsd === undefined ? [] : [{ component, ...monthlyUsd }],
  );
  const components = Object.groupBy(known, ({ component }) => component);
  return {
    region: input.region,
    ...(table !== undefined && { pricesOf: { instances: table.instancesDate, services: table.servicesDate } }),
    lines,
    monthlyUsd: total(known),
    components: Object.fromEntries(Object.entries(components).map(([name, ranges = []]) => [name, total(ranges)])),
    unknown: lines.filter(({ monthlyUsd }) => monthlyUsd === undefined).map(({ what }) => what),
    notCounted: NOT_COUNTED,
  };
}

function groupLines(
  { name, instanceTypes, capacity, min, max, desired = min, diskGib, scales = true }: EstimatedGroup,
  prices: Readonly<Partial<Record<InstanceTypeName, number>>>,
  services: Partial<ServicePrices> | undefined,
): EstimateLine[] {
  const nodes = scales ? { min, max } : { min: desired, max: desired };
  const hours = { min: nodes.min * HOURS_PER_MONTH, max: nodes.max * HOURS_PER_MONTH };
  const usd = instanceTypes.map((type) => prices[type]);
  const known = usd.filter((each) => each !== undefined);
  const all = known.length === usd.length && known.length > 0;
  const hourUsd = all ? { min: Math.min(...known), max: Math.max(...known) } : undefined;
  const spot = capacity === "spot" ? ", spot at most" : "";
  const gib = { min: nodes.min * diskGib, max: nodes.max * diskGib };
  return [
    priced({
      component: name,
      what: `nodes ${name}: ${instanceTypes.join(" or ")}${spot}`,
      quantity: hours,
      unit: "h",
      ...(hourUsd && { unitUsd: hourUsd }),
      source: INSTANCE_SOURCE,
    }),
    serviceLine(name, `disks of nodes ${name}`, gib, "GiB", "gp3GibMonth", services),
  ];
}

function serviceLine(
  component: string,
  what: string,
  quantity: number | Range,
  unit: string,
  key: keyof ServicePrices,
  prices: Partial<ServicePrices> | undefined,
): EstimateLine {
  const range = typeof quantity === "number" ? same(quantity) : quantity;
  const usd = prices?.[key];
  const source = SERVICE_SOURCES[key];
  return priced({ component, what, quantity: range, unit, ...(usd !== undefined && { unitUsd: same(usd) }), source });
}

/** Multiplies what is known. */
function priced({ source, ...line }: EstimateLine): EstimateLine {
  const { quantity, unitUsd } = line;
  if (unitUsd === undefined) return { ...line, source };
  const monthlyUsd = { min: cents(quantity.min * unitUsd.min), max: cents(quantity.max * unitUsd.max) };
  return { ...line, monthlyUsd, source };
}

function same(value: number): Range {
  return { min: value, max: value };
}

function total(ranges: readonly Range[]): Range {
  const sum = (end: keyof Range) => cents(ranges.reduce((usd, range) => usd + range[end], 0));
  return { min: sum("min"), max: sum("max") };
}

/** Rounded to cents, which is what a bill shows. */
function cents(usd: number): number {
  return Math.round(usd * 100) / 100;
}

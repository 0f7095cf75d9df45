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
  kmsKeys: number;
  /** gp3 volumes that pods claim, by what they hold. */
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
  const service = (what: string, key: keyof ServicePrices, count: number, unit: string, perMonth = HOURS_PER_MONTH) => {
    const quantity = count * perMonth;
    return line(what, { min: quantity, max: quantity }, unit, same(table?.services[key]), SERVICE_SOURCES[key]);
  };
  const { natGateways, loadBalancers, interfaceEndpoints, kmsKeys, volumesGib, nodeGroups } = input;
  const addresses = natGateways + loadBalancers.count * loadBalancers.publicAddresses;
  const lines = [
    service("EKS control plane", "eksHour", 1, "h"),
    service(`NAT gateway × ${natGateways}`, "natGatewayHour", natGateways, "h"),
    service(`public IPv4 address × ${addresses}`, "publicIpv4Hour", addresses, "h"),
    service(`load balancer × ${loadBalancers.count}`, "loadBalancerHour", loadBalancers.count, "h"),
    service(`interface endpoint × ${interfaceEndpoints}`, "interfaceEndpointHour", interfaceEndpoints, "h"),
    service(`KMS key × ${kmsKeys}`, "kmsKeyMonth", kmsKeys, "month", 1),
    ...Object.entries(volumesGib).map(([what, gib]) => service(`volume: ${what}`, "gp3GibMonth", gib, "GiB", 1)),
    ...nodeGroups.flatMap((group) => groupLines(group, table?.instances ?? {}, table?.services.gp3GibMonth)),
  ].filter(({ quantity }) => quantity.max > 0);
  const known = lines.flatMap(({ monthlyUsd }) => (monthlyUsd === undefined ? [] : [monthlyUsd]));
  return {
    region: input.region,
    ...(table !== undefined && { pricesOf: { instances: table.instancesDate, services: table.servicesDate } }),
    lines,
    monthlyUsd: { min: cents(sum(known, "min")), max: cents(sum(known, "max")) },
    unknown: lines.filter(({ monthlyUsd }) => monthlyUsd === undefined).map(({ what }) => what),
    notCounted: NOT_COUNTED,
  };
}

/** An estimate as text, a line for each of its lines; what is not known, and not counted, at the end. */
export function estimateText({ region, pricesOf, lines, monthlyUsd, unknown, notCounted }: Estimate): string {
  const rows = lines.map(
    ({ what, monthlyUsd: usd }) => `${what}: ${usd === undefined ? "price not known" : rangeText(usd)}`,
  );
  const prices = pricesOf === undefined ? "none" : `instances ${pricesOf.instances}, services ${pricesOf.services}`;
  return [
    ...rows,
    `total a month in ${region}: ${rangeText(monthlyUsd)}${unknown.length > 0 ? `, and ${unknown.join(", ")}` : ""}`,
    `prices: ${prices}`,
    `not counted: ${notCounted.join("; ")}`,
  ].join("\n");
}

function groupLines(
  { name, instanceTypes, capacity, min, max, desired = min, diskGib, scales = true }: EstimatedGroup,
  prices: Readonly<Partial<Record<InstanceTypeName, number>>>,
  gibMonthUsd: number | undefined,
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
    line(`nodes ${name}: ${instanceTypes.join(" or ")}${spot}`, hours, "h", hourUsd, INSTANCE_SOURCE),
    line(`disks of nodes ${name}`, gib, "GiB", same(gibMonthUsd), SERVICE_SOURCES.gp3GibMonth),
  ];
}

function line(what: string, quantity: Range, unit: string, unitUsd: Range | undefined, source: string): EstimateLine {
  if (unitUsd === undefined) return { what, quantity, unit, source };
  const monthlyUsd = { min: cents(quantity.min * unitUsd.min), max: cents(quantity.max * unitUsd.max) };
  return { what, quantity, unit, unitUsd, monthlyUsd, source };
}

function same(value: number | undefined): Range | undefined {
  return value === undefined ? undefined : { min: value, max: value };
}

function sum(ranges: readonly Range[], end: keyof Range): number {
  return ranges.reduce((total, range) => total + range[end], 0);
}

/** Rounded to cents, which is what a bill shows. */
function cents(usd: number): number {
  return Math.round(usd * 100) / 100;
}

function rangeText({ min, max }: Range): string {
  return min === max ? `${min.toFixed(2)} USD` : `${min.toFixed(2)} to ${max.toFixed(2)} USD`;
}

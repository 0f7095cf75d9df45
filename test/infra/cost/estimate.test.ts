import assert from "node:assert/strict";
import {
  type EstimateInput,
  type EstimateLine,
  estimate,
  estimatedGroups,
  NOT_COUNTED,
} from "../../../infra/cost/estimate.ts";
import type { NodesSettings } from "../../../infra/nodes/args.ts";

const GROUP = { min: 0, max: 4, diskGib: 100, maxUnavailable: 1, labels: {} } as const;
const NODES: NodesSettings = {
  autoscaler: "clusterAutoscaler",
  system: {
    ...GROUP,
    instanceTypes: ["m7i.large"],
    ami: "AL2023_x86_64_STANDARD",
    capacity: "onDemand",
    min: 2,
    diskGib: 40,
  },
  gpu: {
    small: {
      ...GROUP,
      instanceTypes: ["g6.xlarge", "g5.xlarge"],
      ami: "AL2023_x86_64_NVIDIA",
      capacity: "spot",
      sharing: { mode: "none" },
    },
  },
};
const INPUT: EstimateInput = {
  region: "us-east-1",
  natGateways: 1,
  loadBalancers: { count: 1, publicAddresses: 2 },
  interfaceEndpoints: 0,
  kmsKeys: ["cluster"],
  volumesGib: { "metrics of Prometheus": 50 },
  nodeGroups: estimatedGroups(NODES),
};

function line(lines: EstimateLine[], start: string): EstimateLine | undefined {
  return lines.find(({ what }) => what.startsWith(start));
}

describe("estimate", () => {
  it("counts what is billed by the hour, the month and the size", () => {
    const { lines } = estimate(INPUT);
    const monthly = Object.fromEntries(lines.map(({ what, monthlyUsd }) => [what, monthlyUsd]));
    const twice = (usd: number) => ({ min: usd, max: usd });
    assert.deepEqual(monthly, {
      "EKS control plane × 1": twice(73),
      "NAT gateway × 1": twice(32.85),
      "public IPv4 address of a NAT gateway × 1": twice(3.65),
      "load balancer × 1": twice(16.43),
      "public IPv4 address of a load balancer × 2": twice(7.3),
      "KMS key of cluster": twice(1),
      "volume: metrics of Prometheus": twice(4),
      "nodes system: m7i.large": { min: 147.17, max: 294.34 },
      "disks of nodes system": { min: 6.4, max: 12.8 },
      "nodes small: g6.xlarge or g5.xlarge, spot at most": { min: 0, max: 2937.52 },
      "disks of nodes small": { min: 0, max: 32 },
    });
  });

  it("shows how each line comes about", () => {
    assert.deepEqual(line(estimate(INPUT).lines, "nodes small"), {
      component: "small",
      what: "nodes small: g6.xlarge or g5.xlarge, spot at most",
      quantity: { min: 0, max: 2920 },
      unit: "h",
      unitUsd: { min: 0.8048, max: 1.006 },
      monthlyUsd: { min: 0, max: 2937.52 },
      source: "https://aws.amazon.com/ec2/pricing/on-demand/",
    });
  });

  it("sums up the least and the most, and says of when its prices are and what it leaves out", () => {
    const { monthlyUsd, pricesOf, unknown, notCounted } = estimate(INPUT);
    assert.deepEqual(monthlyUsd, { min: 291.8, max: 3414.89 });
    assert.deepEqual(pricesOf, { instances: "2026-01-19", services: "2026-03-13" });
    assert.deepEqual(unknown, []);
    assert.equal(notCounted, NOT_COUNTED);
  });

  it("sums up by component", () => {
    const { components, monthlyUsd } = estimate({ ...INPUT, kmsKeys: ["cluster", "models"] });
    const twice = (usd: number) => ({ min: usd, max: usd });
    assert.deepEqual(components, {
      cluster: twice(74),
      network: twice(36.5),
      exposure: twice(23.73),
      models: twice(1),
      monitoring: twice(4),
      system: { min: 153.57, max: 307.14 },
      small: { min: 0, max: 2969.52 },
    });
    assert.deepEqual(monthlyUsd, { min: 292.8, max: 3415.89 });
  });

  it("does not guess a price that it does not know", () => {
    const nodeGroups = [
      { ...GROUP, name: "big", instanceTypes: ["p5.48xlarge", "p4d.24xlarge"] as const, capacity: "onDemand" as const },
    ];
    const found = estimate({
      ...INPUT,
      region: "eu-central-1",
      nodeGroups: nodeGroups.map((each) => ({ ...each, instanceTypes: [...each.instanceTypes] })),
    });
    assert.deepEqual(found.unknown, ["nodes big: p5.48xlarge or p4d.24xlarge"]);
    const big = line(found.lines, "nodes big");
    assert.ok(big !== undefined && !("unitUsd" in big) && !("monthlyUsd" in big));
  });

  it("does not guess the price of a group of which it knows one type only", () => {
    const nodeGroups = [
      {
        ...GROUP,
        name: "mixed",
        instanceTypes: ["g6.xlarge" as const, "g6.2xlarge" as const],
        capacity: "spot" as const,
      },
    ];
    assert.deepEqual(estimate({ ...INPUT, region: "eu-central-1", nodeGroups }).unknown, [
      "nodes mixed: g6.xlarge or g6.2xlarge, spot at most",
    ]);
  });

  it("knows no price at all in a region without a table, and says so", () => {
    const found = estimate({ ...INPUT, region: "mars-north-1" });
    assert.equal(found.pricesOf, undefined);
    assert.equal(found.unknown.length, found.lines.length);
    assert.deepEqual(found.monthlyUsd, { min: 0, max: 0 });
  });

  it("leaves out what there is none of", () => {
    const { lines } = estimate({ ...INPUT, loadBalancers: { count: 0, publicAddresses: 0 }, natGateways: 0 });
    for (const start of ["NAT", "load", "public", "interface"]) assert.equal(line(lines, start), undefined);
  });
});

describe("estimatedGroups", () => {
  it("does not scale the system group with Karpenter", () => {
    const groups = estimatedGroups({ ...NODES, autoscaler: "karpenter" });
    const { lines } = estimate({ ...INPUT, nodeGroups: groups });
    assert.deepEqual(line(lines, "nodes system")?.monthlyUsd, { min: 147.17, max: 147.17 });
    assert.deepEqual(line(lines, "nodes small")?.quantity, { min: 0, max: 2920 });
  });
});

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { zonesOffering } from "../../infra/network/offerings.ts";
import { chooseZones } from "../../infra/network/zones.ts";
import type { EksStackConfig } from "../config/index.ts";
import { refuseSite } from "./site-checks.ts";

/** Where a stack is, and what of it is known before anything exists. */
export interface Site {
  clusterName: string;
  region: string;
  accountId: pulumi.Output<string>;
  partition: pulumi.Output<string>;
  /** Zones of the network. */
  zones: string[];
  /** Zones that offer every instance type of a group of nodes, by its name; that of the system is `system`. */
  groupZones: Record<string, string[]>;
  /** Tags of what AWS makes for the program, which the provider's default tags do not reach. */
  tags: Record<string, string>;
}

/** Asks AWS what a stack needs to know of its region. Throws a RunError when none is chosen, when it lacks something, or when the configuration does not fit it. */
export async function chooseSite(config: EksStackConfig): Promise<Site> {
  const { network, nodes } = config;
  const region = chosenRegion();
  const clusterName = `${pulumi.getProject()}-${pulumi.getStack()}`;
  await refuseSite(config, { clusterName, region });
  const zones = await chooseZones(network.zones, region);
  const groups = Object.entries({ system: nodes.system, ...nodes.gpu });
  const groupZones = await Promise.all(
    groups.map(async ([group, { instanceTypes }]) => {
      const path = group === "system" ? "nodes.system" : `nodes.gpu.${group}`;
      return [group, await zonesOffering(instanceTypes, zones, path)] as const;
    }),
  );
  return {
    clusterName,
    region,
    accountId: aws.getCallerIdentityOutput().accountId,
    partition: aws.getPartitionOutput().partition,
    zones,
    groupZones: Object.fromEntries(groupZones),
    tags: { project: pulumi.getProject(), stack: pulumi.getStack() },
  };
}

function chosenRegion(): string {
  const { region } = aws.config;
  if (region !== undefined) return region;
  throw new pulumi.RunError(
    "Expected a region for aws:region but received nothing. " +
      "Choose one by `pulumi config set aws:region us-west-2`, or by AWS_REGION.",
  );
}

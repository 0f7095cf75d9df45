import { type Aws, explained } from "./aws.ts";
import { computeLeftovers, findVpcs } from "./leftovers-ec2.ts";
import { balancerLeftovers, logLeftovers } from "./leftovers-services.ts";
import type { StateResource } from "./state.ts";
import type { Target } from "./target.ts";

/** Something in AWS that belongs to a cluster and that no stack knows of. */
export interface Leftover {
  what: string;
  id: string;
  /** Why it is thought to be the cluster's. */
  reason: string;
  /** Command of AWS's command line that deletes it, without the region. */
  command: string;
}

/** Where is looked, and for what. */
export interface Scope {
  clusterName: string;
  /** Networks of the cluster that are still there. */
  vpcIds: readonly string[];
}

/**
 * Finds what AWS still has of a cluster, in the order in which it can be deleted. Each service is asked for what it has now: the
 * API that looks for tags in all services also answers what was deleted days ago
 * (https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html).
 * @throws UserError when AWS does not answer
 */
export async function findLeftovers(
  aws: Aws,
  target: Target,
  resources: readonly StateResource[],
): Promise<Leftover[]> {
  const known = new Set(resources.map(({ id }) => id));
  return explained(target.region, async () => {
    const vpcs = await findVpcs(aws.ec2, target);
    const scope = { clusterName: target.clusterName, vpcIds: vpcs.map(({ id }) => id) };
    const found = await Promise.all([
      balancerLeftovers(aws.balancers, scope),
      computeLeftovers(aws.ec2, scope),
      logLeftovers(aws.logs, scope),
    ]);
    return [...found.flat(), ...vpcs].filter(({ id }) => !known.has(id));
  });
}

/** Lines that say what is left, why it is thought to be the cluster's, and how to delete it. */
export function leftoverLines(leftovers: readonly Leftover[], region: string): string[] {
  return leftovers.flatMap(({ what, id, reason, command }) => [
    `  ${what} ${id}: ${reason}`,
    `    aws ${command} --region ${region}`,
  ]);
}

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** How many zones a network has, or which. */
export type ZoneChoice = number | readonly string[];

/** A zone by its name, which each account has its own order of, and by its id, which says where it is. */
export interface Zone {
  name: string;
  id: string;
}

/**
 * Ids of zones in which EKS takes no subnet for a control plane.
 * Source: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html#cluster-subnets
 */
const REFUSED_ZONE_IDS: readonly string[] = ["use1-az3", "usw1-az2", "cac1-az3"];

/**
 * Names of the zones of a network, in the order of their names or that of the configuration.
 * Throws a RunError when the region has too few, or no zone of a given name.
 */
export async function chooseZones(choice: ZoneChoice, region: string): Promise<string[]> {
  // Without local and wavelength zones, and whatever state a zone is in: one that fails for a while may not change the choice,
  // because a network without its subnets would replace every node.
  const { names, zoneIds } = await aws.getAvailabilityZones({
    filters: [{ name: "zone-type", values: ["availability-zone"] }],
  });
  return selectZones(
    choice,
    names.map((name, index) => ({ name, id: zoneIds[index] ?? "" })),
    region,
  );
}

/** The chosen ones of a region's zones. Throws a RunError when there are none to choose. */
export function selectZones(choice: ZoneChoice, zones: readonly Zone[], region: string): string[] {
  const usable = zones
    .filter(({ id }) => !REFUSED_ZONE_IDS.includes(id))
    .map(({ name }) => name)
    .sort();
  const offer = usable.length === 0 ? "none" : usable.join(", ");
  if (typeof choice === "number") {
    if (usable.length >= choice) return usable.slice(0, choice);
    const expected = `at most ${usable.length}, the zones of ${region} in which EKS runs (${offer}),`;
    throw new pulumi.RunError(
      `Expected ${expected} for network.zones but received ${choice}. Choose another aws:region.`,
    );
  }
  const unknown = choice.filter((name) => !usable.includes(name));
  if (unknown.length === 0) return [...choice];
  throw new pulumi.RunError(
    `Expected names of zones of ${region} in which EKS runs (${offer}) for network.zones but received ` +
      `${unknown.join(", ")}. Name others, or only how many there shall be.`,
  );
}

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** An instance type that a zone offers. */
export interface Offering {
  instanceType: string;
  zone: string;
}

/**
 * The zones of the network that offer all of the given instance types: where a node group of them can be (P23).
 * Throws a RunError when no zone does.
 * @param path path of the node group in the stack's configuration
 */
export async function zonesOffering(
  instanceTypes: readonly string[],
  zones: readonly string[],
  path: string,
): Promise<string[]> {
  // Of all zones, not only the network's, so that the refusal can name the ones to choose instead.
  const { instanceTypes: types, locations } = await aws.ec2.getInstanceTypeOfferings({
    locationType: "availability-zone",
    filters: [{ name: "instance-type", values: [...instanceTypes] }],
  });
  const offerings = types.map((instanceType, index) => ({ instanceType, zone: locations[index] ?? "" }));
  return selectOffering(offerings, instanceTypes, zones, path);
}

/** The zones that offer all of the given instance types. Throws a RunError when none does. */
export function selectOffering(
  offerings: readonly Offering[],
  instanceTypes: readonly string[],
  zones: readonly string[],
  path: string,
): string[] {
  const offered = (zone: string) =>
    instanceTypes.every((type) => offerings.some((each) => each.zone === zone && each.instanceType === type));
  // AWS starts a group only where each of its types is known, and tries no other zone for one that is not:
  // https://github.com/eksctl-io/eksctl/issues/6461
  const found = zones.filter(offered);
  if (found.length > 0) return found;
  const elsewhere = [...new Set(offerings.map(({ zone }) => zone))].filter(offered).sort();
  const advice =
    elsewhere.length > 0
      ? `Name one of ${elsewhere.join(", ")} in network.zones, or choose other types.`
      : "No zone of the region offers all of them: choose other types, or another aws:region.";
  throw new pulumi.RunError(
    `Expected instance types that one of the network's zones (${zones.join(", ")}) offers for ${path}.instanceTypes ` +
      `but received ${instanceTypes.join(", ")}. ${advice}`,
  );
}

import { formatCidr, parseCidr, sizeOf, subrange } from "./cidr.ts";

/** Most zones that the plan has room for; no region has more. */
export const MAX_ZONES = 6;

/** EKS wants subnets in at least two zones: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html#cluster-subnets */
export const MIN_ZONES = 2;

/** Bits by which a private subnet's prefix is longer than the VPC's: an eighth of it. */
const PRIVATE_BITS = 3;

/** Bits by which a public subnet's prefix is longer than the VPC's: an eighth of the last eighth. */
const PUBLIC_BITS = 6;

/** Addresses that AWS keeps in each subnet: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html */
const RESERVED_ADDRESSES = 5;

/** Address ranges of a zone's subnets. */
export interface SubnetPlan {
  zone: string;
  publicCidr: string;
  /** Pods have addresses of the VPC: these are the large ones. */
  privateCidr: string;
}

/**
 * Address ranges of the subnets. They depend on a zone's place in the list and on nothing else, so that a zone added at the end
 * moves no subnet. The seventh eighth of the VPC stays free.
 */
export function planSubnets(cidr: string, zones: readonly string[]): SubnetPlan[] {
  const vpc = parseCidr(cidr);
  const last = subrange(vpc, vpc.prefix + PRIVATE_BITS, 2 ** PRIVATE_BITS - 1);
  return zones.map((zone, index) => ({
    zone,
    publicCidr: formatCidr(subrange(last, vpc.prefix + PUBLIC_BITS, index)),
    privateCidr: formatCidr(subrange(vpc, vpc.prefix + PRIVATE_BITS, index)),
  }));
}

/** Addresses that nodes and pods of one zone can have. */
export function addressesPerZone(cidr: string): number {
  return sizeOf(parseCidr(cidr).prefix + PRIVATE_BITS) - RESERVED_ADDRESSES;
}

import { type Problem, problem } from "../problems.ts";
import type { NetworkArgs, NetworkSettings } from "./args.ts";
import { CIDR_FORM, formatCidr, isPrivate, networkOfText, overlaps, parseCidr } from "./cidr.ts";
import { MAX_ZONES, MIN_ZONES } from "./subnets.ts";

/** The largest VPC of AWS, and the smallest in which a public subnet still takes load balancers (/26; they want a /27 with 8 free addresses). */
const MIN_PREFIX = 16;
const MAX_PREFIX = 20;

/** Used by AWS services such as SageMaker and Cloud9: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html */
const RESERVED_RANGE = "172.17.0.0/16";

/** What is wrong with the settings of a network; paths are those within the section. */
export function networkProblems(settings: NetworkSettings): Problem[] {
  return [...rangeProblems(settings.cidr), ...endpointProblems(settings.interfaceEndpoints)];
}

/** What is wrong with the zones of a network. */
export function zoneProblems(zones: NetworkArgs["zones"]): Problem[] {
  if (new Set(zones).size !== zones.length) return [problem(["zones"], "different zones", zones)];
  if (zones.length >= MIN_ZONES && zones.length <= MAX_ZONES) return [];
  return [problem(["zones"], `${MIN_ZONES} to ${MAX_ZONES} zones`, zones)];
}

/**
 * Whether addresses of Services lie within the VPC, where nothing could reach what has them; paths are those of a stack's
 * configuration. Both ranges must be well-formed.
 */
export function overlapProblems(cidr: string, serviceCidr: string): Problem[] {
  if (!overlaps(parseCidr(cidr), parseCidr(serviceCidr))) return [];
  return [problem(["cluster", "serviceCidr"], `a range outside network.cidr (${cidr})`, serviceCidr)];
}

/** What keeps a text from being a range of private addresses whose prefix lies within bounds. */
export function privateRangeProblem(cidr: string, minPrefix: number, maxPrefix: number): string | undefined {
  if (!CIDR_FORM.test(cidr)) return `an address range such as 10.0.0.0/${minPrefix}`;
  const network = networkOfText(cidr);
  if (formatCidr(network) !== cidr) return `the first address of the range (${formatCidr(network)})`;
  if (network.prefix < minPrefix || network.prefix > maxPrefix) return `a range from /${minPrefix} to /${maxPrefix}`;
  if (!isPrivate(network)) return "a range within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16";
  return undefined;
}

function rangeProblems(cidr: string): Problem[] {
  const expected = privateRangeProblem(cidr, MIN_PREFIX, MAX_PREFIX);
  if (expected !== undefined) return [problem(["cidr"], expected, cidr)];
  if (!overlaps(parseCidr(cidr), parseCidr(RESERVED_RANGE))) return [];
  return [problem(["cidr"], `a range outside ${RESERVED_RANGE}, which AWS services use themselves,`, cidr)];
}

function endpointProblems(services: NetworkSettings["interfaceEndpoints"]): Problem[] {
  return services.flatMap((service, index) =>
    services.indexOf(service) === index
      ? []
      : [problem(["interfaceEndpoints", String(index)], "each service once", service)],
  );
}

import type { DetectorSettings } from "../detector/args.ts";
import { CIDR_FORM, formatCidr, networkOfText } from "../network/cidr.ts";
import type { Problem } from "../problems.ts";
import type { Drain, ExposureArgs, ExposureSettings } from "./args.ts";

/**
 * Seconds for which the service keeps idle connections: KEEP_ALIVE_MS of service/src/app.ts. The load balancer must be the one
 * that closes them; else it sends a request into a closing connection now and then, and answers 502.
 */
export const KEEP_ALIVE_SECONDS = 75;

/**
 * Seconds until a stopping pod gets no request any more: the controller hears of it, and the load balancer's parts hear of that.
 * Source: https://docs.aws.amazon.com/eks/latest/best-practices/load-balancing.html
 */
export const MIN_DRAIN_SECONDS = 15;

/** What is wrong with how a service is exposed; paths are those within the section. */
export function exposureProblems(settings: ExposureSettings): Problem[] {
  const { scheme, certificateArn, sourceRanges } = settings;
  const problems = rangeProblems(sourceRanges);
  if (scheme === "public" && certificateArn === undefined) {
    const expected = "a certificate of ACM for the scheme public, which nobody should call without TLS,";
    problems.push({ path: ["certificateArn"], expected, received: undefined });
  }
  if (scheme === "public" && sourceRanges.length === 0) {
    const expected = 'at least one range for the scheme public ("0.0.0.0/0" for everybody)';
    problems.push({ path: ["sourceRanges"], expected, received: sourceRanges });
  }
  if (settings.waf !== undefined && settings.waf.ruleGroups.length === 0 && !settings.waf.requestsPerFiveMinutes) {
    const expected = "at least one, or requestsPerFiveMinutes, for a firewall that does something,";
    problems.push({ path: ["waf", "ruleGroups"], expected, received: settings.waf.ruleGroups });
  }
  return problems;
}

/** What does not fit together about a load balancer, its place and the service behind it; paths are those of a stack's configuration. */
export function exposedServiceProblems(
  { certificateArn, idleTimeoutSeconds }: ExposureSettings,
  { service, ...detector }: Pick<DetectorSettings, "service" | "drainSeconds"> & Pick<Drain, "requestTimeoutMs">,
  region?: string,
): Problem[] {
  const problems = drainProblems(idleTimeoutSeconds, detector);
  const certificateRegion = certificateArn?.split(":")[3];
  if (region !== undefined && certificateRegion !== undefined && certificateRegion !== region) {
    const expected = `a certificate in the stack's region (${region})`;
    problems.push({ path: ["exposure", "certificateArn"], expected, received: certificateArn });
  }
  if (service.type === "LoadBalancer") {
    const expected = "ClusterIP, because yolo:exposure makes the load balancer,";
    problems.push({ path: ["detector", "service", "type"], expected, received: service.type });
  }
  return problems;
}

/** What is wrong with a canary; paths are those of the component's arguments. */
export function canaryProblems({ via, canary }: Pick<ExposureArgs, "via" | "canary">): Problem[] {
  if (canary === undefined) return [];
  const problems: Problem[] = [];
  if (via !== "gateway") {
    problems.push({ path: ["via"], expected: "gateway, which can weigh traffic, for a canary,", received: via });
  }
  if (!Number.isInteger(canary.weight) || canary.weight < 0 || canary.weight > 100) {
    problems.push({ path: ["canary", "weight"], expected: "a whole number from 0 to 100", received: canary.weight });
  }
  return problems;
}

function drainProblems(idleTimeoutSeconds: number, { drainSeconds, requestTimeoutMs }: Drain): Problem[] {
  const problems: Problem[] = [];
  if (idleTimeoutSeconds >= KEEP_ALIVE_SECONDS) {
    const expected = `less than ${KEEP_ALIVE_SECONDS}, after which the service closes idle connections itself,`;
    problems.push({ path: ["exposure", "idleTimeoutSeconds"], expected, received: idleTimeoutSeconds });
  }
  if (requestTimeoutMs >= idleTimeoutSeconds * 1000) {
    const expected = `less than exposure.idleTimeoutSeconds (${idleTimeoutSeconds} s), after which callers are answered 504,`;
    problems.push({ path: ["detector", "serving", "requestTimeoutMs"], expected, received: requestTimeoutMs });
  }
  if (drainSeconds < MIN_DRAIN_SECONDS) {
    const expected = `at least ${MIN_DRAIN_SECONDS}, until which a load balancer still sends requests to a stopping pod,`;
    problems.push({ path: ["detector", "drainSeconds"], expected, received: drainSeconds });
  }
  return problems;
}

function rangeProblems(sourceRanges: readonly string[]): Problem[] {
  return sourceRanges.flatMap((range, index) => {
    const path = ["sourceRanges", String(index)];
    if (!CIDR_FORM.test(range)) return [{ path, expected: "an address range such as 203.0.113.0/24", received: range }];
    const network = formatCidr(networkOfText(range));
    return network === range
      ? []
      : [{ path, expected: `the first address of the range (${network})`, received: range }];
  });
}

import { privateRangeProblem } from "../network/checks.ts";
import { CIDR_FORM, formatCidr, isPrivate, networkOfText, overlaps, parseCidr } from "../network/cidr.ts";
import { type Problem, problem } from "../problems.ts";
import type { ClusterSettings } from "./args.ts";

/** Prefixes that EKS takes: https://docs.aws.amazon.com/eks/latest/APIReference/API_KubernetesNetworkConfigRequest.html */
const MIN_SERVICE_PREFIX = 12;
const MAX_SERVICE_PREFIX = 24;

/** Names as EKS takes them, of which the longest names that are made of them still fit IAM's and ELB's limits. */
const CLUSTER_NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** What is wrong with the name of a cluster; paths are those of the component's arguments. */
export function clusterNameProblems(clusterName: string): Problem[] {
  if (CLUSTER_NAME.test(clusterName)) return [];
  const expected = "at most 32 lower-case letters, digits and hyphens that begin with a letter";
  return [problem(["clusterName"], expected, clusterName)];
}

/** What is wrong with the settings of a cluster; paths are those within the section. */
export function clusterProblems(settings: ClusterSettings): Problem[] {
  return [
    ...serviceRangeProblems(settings),
    ...endpointProblems(settings),
    ...accessProblems(settings),
    ...addonProblems(settings),
  ];
}

/**
 * Grants to who is about to create the cluster: EKS makes that entry itself, and refuses a second one half-way through the `up`.
 * Not for a cluster that exists, which somebody else may have made. Paths are those of a stack's configuration.
 * @param callerArn who deploys, as sts:GetCallerIdentity says
 */
export function deployerProblems(access: ClusterSettings["access"], callerArn: string): Problem[] {
  const deployer = principalKey(callerArn);
  return Object.entries(access).flatMap(([name, { principalArn }]) =>
    principalKey(principalArn) === deployer
      ? [
          problem(
            ["cluster", "access", name, "principalArn"],
            "anybody but who creates the cluster, who has access by that,",
            principalArn,
          ),
        ]
      : [],
  );
}

/** What names a principal in its own ARN and in that of its sessions, which leaves the role's path out. */
function principalKey(arn: string): string {
  const [, , service, , account, resource = ""] = arn.split(":");
  const [kind = "", ...path] = resource.split("/");
  const session = service === "sts" && kind === "assumed-role";
  return [account, session ? "role" : kind, session ? path[0] : path.at(-1)].join("/");
}

function serviceRangeProblems({ serviceCidr }: ClusterSettings): Problem[] {
  const expected = privateRangeProblem(serviceCidr, MIN_SERVICE_PREFIX, MAX_SERVICE_PREFIX);
  return expected === undefined ? [] : [problem(["serviceCidr"], expected, serviceCidr)];
}

function endpointProblems({ endpoint: { publicCidrs, privateCidrs }, serviceCidr }: ClusterSettings): Problem[] {
  const fromPrivate = privateCidrs.flatMap((cidr, index) => {
    const path = ["endpoint", "privateCidrs", String(index)];
    const expected = privateRangeProblem(cidr, 8, 32);
    if (expected !== undefined) return [problem(path, expected, cidr)];
    // Answers to such an address would go to a Service, or to nobody.
    if (!CIDR_FORM.test(serviceCidr) || !overlaps(parseCidr(cidr), networkOfText(serviceCidr))) return [];
    return [problem(path, `a range outside serviceCidr (${serviceCidr})`, cidr)];
  });
  const fromPublic = publicCidrs.flatMap((cidr, index) => {
    const path = ["endpoint", "publicCidrs", String(index)];
    if (!CIDR_FORM.test(cidr)) return [problem(path, "an address range such as 203.0.113.4/32", cidr)];
    const range = networkOfText(cidr);
    if (formatCidr(range) !== cidr) {
      return [problem(path, `the first address of the range (${formatCidr(range)})`, cidr)];
    }
    // EKS refuses them: nobody reaches a public address from a private one.
    return isPrivate(range) ? [problem(path, "a range of public addresses", cidr)] : [];
  });
  return [...fromPrivate, ...fromPublic];
}

function accessProblems({ access }: ClusterSettings): Problem[] {
  const seen = new Map<string, string>();
  return Object.entries(access).flatMap(([name, { principalArn, policy, namespaces }]) => {
    const problems: Problem[] = [];
    const before = seen.get(principalArn);
    // EKS has one entry for each principal.
    if (before !== undefined) {
      const expected = `another principal than access.${before} has`;
      problems.push(problem(["access", name, "principalArn"], expected, principalArn));
    }
    seen.set(principalArn, name);
    if (policy === "clusterAdmin" && namespaces !== undefined) {
      const expected = "none with the policy clusterAdmin, which is for the whole cluster (admin can be limited),";
      problems.push(problem(["access", name, "namespaces"], expected, namespaces));
    } else if (namespaces?.length === 0) {
      problems.push(problem(["access", name, "namespaces"], "at least one, or no such key for all,", namespaces));
    }
    return problems;
  });
}

function addonProblems({ version, addonVersions }: ClusterSettings): Problem[] {
  const kubeProxy = addonVersions["kube-proxy"];
  // EKS takes one of the cluster's own version only when it is installed.
  if (kubeProxy === undefined || kubeProxy.startsWith(`v${version}.`)) return [];
  return [problem(["addonVersions", "kube-proxy"], `a version of v${version}, as cluster.version,`, kubeProxy)];
}

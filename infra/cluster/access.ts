import type * as eks from "@pulumi/eks";
import { ACCESS_POLICIES, type AccessGrant } from "./args.ts";

/** The access entries of a cluster, of which each has one policy. */
export function accessEntries(
  access: Readonly<Record<string, AccessGrant>>,
): Record<string, eks.types.input.AccessEntryArgs> {
  return Object.fromEntries(
    Object.entries(access).map(([name, { principalArn, policy, namespaces }]) => [
      name,
      {
        principalArn,
        accessPolicies: {
          [policy]: {
            policyArn: `arn:${partitionOf(principalArn)}:eks::aws:cluster-access-policy/${ACCESS_POLICIES[policy]}`,
            accessScope:
              namespaces === undefined ? { type: "cluster" } : { type: "namespace", namespaces: [...namespaces] },
          },
        },
      },
    ]),
  );
}

/** The partition of AWS that a principal belongs to, and with it the cluster. */
function partitionOf(arn: string): string {
  return arn.split(":")[1] ?? "aws";
}

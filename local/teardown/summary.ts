import { planLines } from "../plan-table.ts";
import type { StateResource } from "./state.ts";

/** Something that holds data or costs money by the hour. */
export interface Named {
  what: string;
  name: string;
}

type Outputs = Readonly<Record<string, unknown>>;

/** How each type that matters to whoever deletes it is told; undefined where it has nothing to tell. */
const NAMED: Readonly<Record<string, { what: string; tell: (outputs: Outputs, id: string) => string | undefined }>> = {
  "aws:s3/bucket:Bucket": { what: "bucket", tell: (_, id) => `${id}, with every version of every model in it` },
  "aws:ecr/repository:Repository": { what: "repository", tell: (_, id) => `${id}, with every image in it` },
  "aws:efs/fileSystem:FileSystem": { what: "file system", tell: (_, id) => `${id}, with every file in it` },
  "aws:kms/key:Key": {
    what: "key",
    tell: ({ description, deletionWindowInDays }, id) =>
      `${id} (${description}); its deletion can be taken back for ${deletionWindowInDays} days`,
  },
  "aws:eks/cluster:Cluster": { what: "cluster", tell: (_, id) => id },
  "aws:eks/nodeGroup:NodeGroup": { what: "node group", tell: nodeGroup },
  "aws:ec2/natGateway:NatGateway": { what: "NAT gateway", tell: ({ publicIp }, id) => `${id} (${publicIp})` },
  "aws:cloudwatch/logGroup:LogGroup": { what: "log group", tell: (_, id) => id },
  "kubernetes:networking.k8s.io/v1:Ingress": {
    what: "load balancer",
    tell: (outputs) => at(outputs, "status", "loadBalancer", "ingress", 0, "hostname"),
  },
  "kubernetes:gateway.networking.k8s.io/v1:Gateway": {
    what: "load balancer",
    tell: (outputs) => at(outputs, "status", "addresses", 0, "value"),
  },
  "kubernetes:core/v1:PersistentVolumeClaim": { what: "volume", tell: (_, id) => `of the claim ${id}` },
};

/** How many resources each component of the stack has, in the order in which they were made. */
export function componentCounts(resources: readonly StateResource[]): { component: string; count: number }[] {
  const steps = resources.map(({ urn, type, parent, custom }) => ({
    op: "delete",
    urn,
    newState: { type, custom, ...(parent !== undefined && { parent }) },
  }));
  const counts = new Map<string, number>();
  for (const { component, count } of planLines(steps)) counts.set(component, (counts.get(component) ?? 0) + count);
  return [...counts].map(([component, count]) => ({ component, count }));
}

/** What holds data or costs money by the hour, in the order of the table. */
export function namedThings(resources: readonly StateResource[]): Named[] {
  return Object.entries(NAMED).flatMap(([type, { what, tell }]) =>
    resources
      .filter((resource) => resource.type === type)
      .map(({ outputs = {}, id = "" }) => tell(outputs, id))
      .filter((name) => name !== undefined)
      .map((name) => ({ what, name })),
  );
}

/** Lines of two columns, the first as wide as its widest cell. */
export function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}

function nodeGroup({ nodeGroupName, instanceTypes, scalingConfig }: Outputs): string {
  const { minSize, maxSize } = (scalingConfig ?? {}) as { minSize?: number; maxSize?: number };
  return `${nodeGroupName} (${(instanceTypes as string[] | undefined)?.join(", ")}; ${minSize} to ${maxSize} nodes)`;
}

/** The text that a path leads to. */
function at(value: unknown, ...path: (string | number)[]): string | undefined {
  let found: unknown = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<string | number, unknown>)[key];
  }
  return typeof found === "string" ? found : undefined;
}

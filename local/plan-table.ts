import type { MonthlyCost } from "../stacks/platform.ts";

/** What Pulumi says of one resource that it would make. */
export interface Step {
  op: string;
  urn: string;
  newState?: { type: string; parent?: string; custom?: boolean };
}

/** One line of a plan: how many resources of a type a component makes. */
export interface PlanLine {
  /** Name of the component right under the stack; missing for resources that are in none. */
  name?: string;
  /** Name and type of the component, or what is said of resources that are in none. */
  component: string;
  type: string;
  count: number;
}

const STACK_TYPE = "pulumi:pulumi:Stack";

/** Providers are how Pulumi reaches others, and nothing that is made there. */
const PROVIDERS = "pulumi:providers:";

/** What makes objects that a plan does not know: charts and files are read when there is a cluster. */
const UNREAD = /^kubernetes:(?:helm\.sh\/v\d:(?:Chart|Release)|yaml\/v2:Config(?:File|Group))$/;

/** What stands for a component where a resource is in none. */
const NO_COMPONENT = "(in none)";

/** What stands for the resources of a component that a plan has none of: nodes that Karpenter starts. */
const NOT_IN_PLAN = "(made when pods need it)";

/** How many resources of each type each component of a stack makes; components in the order in which Pulumi meets them. */
export function planLines(steps: readonly Step[]): PlanLine[] {
  const states = new Map(steps.map((step) => [step.urn, step]));
  const parents = new Set(steps.map(({ newState: state }) => state?.parent));
  const lines = new Map<string, PlanLine>();
  for (const { urn, newState } of steps) {
    const type = newState?.type ?? typeOf(urn);
    if (type === STACK_TYPE || type.startsWith(PROVIDERS)) continue;
    // A component is nothing that is made: its children are. A chart has none before there is a cluster.
    if (newState?.custom === false && parents.has(urn)) continue;
    const root = rootOf(urn, states);
    const place =
      root === urn
        ? { component: NO_COMPONENT }
        : { name: nameOf(root), component: `${nameOf(root)} (${shortType(typeOf(root))})` };
    const key = `${place.component} ${type}`;
    const line = lines.get(key) ?? { ...place, type: shortType(type, true), count: 0 };
    lines.set(key, { ...line, count: line.count + 1 });
  }
  const components = [...new Set([...lines.values()].map(({ component }) => component))];
  return [...lines.values()].sort(
    (a, b) => components.indexOf(a.component) - components.indexOf(b.component) || (a.type < b.type ? -1 : 1),
  );
}

/** Lines of a table with columns as wide as their widest cell, and a last line with sums; costs, where known, stand with a component's first line. */
export function planTable(lines: readonly PlanLine[], cost?: MonthlyCost): string[] {
  const usd = (name: string | undefined) => rangeText(name === undefined ? undefined : cost?.components[name]);
  const rows = [["COMPONENT", "RESOURCE", "COUNT", "USD A MONTH"]];
  let previous = "";
  for (const { name, component, type, count } of lines) {
    rows.push(component === previous ? ["", type, `${count}`, ""] : [component, type, `${count}`, usd(name)]);
    previous = component;
  }
  for (const name of Object.keys(cost?.components ?? {})) {
    if (!lines.some((line) => line.name === name)) rows.push([name, NOT_IN_PLAN, "", usd(name)]);
  }
  rows.push(["total", "", `${lines.reduce((sum, { count }) => sum + count, 0)}`, rangeText(cost)]);
  const table = cost === undefined ? rows.map((row) => row.slice(0, -1)) : rows;
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) =>
    row.map((cell, n) => (n < 2 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0))).join("  "),
  );
}

/** What the costs of a plan are, and of when. */
export function costNotes({ pricesOf, withoutPrice }: MonthlyCost): string[] {
  const days =
    pricesOf === undefined
      ? "not known for this region"
      : `of ${pricesOf.instances} (instances) and ${pricesOf.services}`;
  return [
    `Costs: AWS's list prices ${days}, with the least and the most nodes, spot instances as on demand.`,
    "Their sources, and what they leave out: docs/cost.md",
    ...(withoutPrice.length === 0 ? [] : [`Too low by what has no price: ${withoutPrice.join(", ")}`]),
  ];
}

/** Names of the charts and files in a plan, whose objects it does not show. */
export function unreadNames(steps: readonly Step[]): string[] {
  return steps.filter(({ urn }) => UNREAD.test(typeOf(urn))).map(({ urn }) => nameOf(urn));
}

function rangeText(range: { min: number; max: number } | undefined): string {
  if (range === undefined) return "";
  const { min, max } = range;
  return min === max ? min.toFixed(2) : `${min.toFixed(2)} to ${max.toFixed(2)}`;
}

/** The resource right under the stack that a resource belongs to. */
function rootOf(urn: string, steps: ReadonlyMap<string, Step>): string {
  const parent = steps.get(urn)?.newState?.parent;
  return parent === undefined || parent === "" || typeOf(parent) === STACK_TYPE ? urn : rootOf(parent, steps);
}

/** The type in a URN: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`. */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

/** `Network` for yolo:infra:Network; `aws:ec2:Vpc` for aws:ec2/vpc:Vpc when its package matters. */
function shortType(type: string, withPackage = false): string {
  const [packageName = "", module = "", name = ""] = type.split(":");
  if (!withPackage) return name;
  return [packageName, packageName === "aws" ? module.split("/")[0] : module, name].join(":");
}

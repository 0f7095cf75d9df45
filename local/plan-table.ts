/** What Pulumi says of one resource in `pulumi preview --json`. */
export interface Step {
  op: string;
  urn: string;
  newState?: { type: string; parent?: string; custom?: boolean };
}

/** One line of a plan: how many resources of a type a component makes. */
export interface PlanLine {
  /** Name and type of the component right under the stack, or what is said of resources that are in none. */
  component: string;
  type: string;
  count: number;
}

const STACK_TYPE = "pulumi:pulumi:Stack";

/** Providers are how Pulumi reaches others, and nothing that is made there. */
const PROVIDERS = "pulumi:providers:";

/** What stands for a component where a resource is in none. */
const NO_COMPONENT = "(in none)";

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
    const component = root === urn ? NO_COMPONENT : `${nameOf(root)} (${shortType(typeOf(root))})`;
    const key = `${component} ${type}`;
    const line = lines.get(key) ?? { component, type: shortType(type, true), count: 0 };
    lines.set(key, { ...line, count: line.count + 1 });
  }
  const components = [...new Set([...lines.values()].map(({ component }) => component))];
  return [...lines.values()].sort(
    (a, b) => components.indexOf(a.component) - components.indexOf(b.component) || (a.type < b.type ? -1 : 1),
  );
}

/** Lines of a table with columns as wide as their widest cell. */
export function planTable(lines: readonly PlanLine[]): string[] {
  const rows = [["COMPONENT", "RESOURCE", "COUNT"]];
  let previous = "";
  for (const { component, type, count } of lines) {
    rows.push([component === previous ? "" : component, type, String(count)]);
    previous = component;
  }
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map(([component = "", type = "", count = ""]) =>
    [component.padEnd(widths[0] ?? 0), type.padEnd(widths[1] ?? 0), count.padStart(widths[2] ?? 0)].join("  "),
  );
}

/** The resource right under the stack that a resource belongs to. */
function rootOf(urn: string, steps: ReadonlyMap<string, Step>): string {
  const parent = steps.get(urn)?.newState?.parent;
  return parent === undefined || parent === "" || typeOf(parent) === STACK_TYPE ? urn : rootOf(parent, steps);
}

/** `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME` */
function typeOf(urn: string): string {
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

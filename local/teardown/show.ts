import { createInterface } from "node:readline/promises";
import { UserError } from "../errors.ts";
import type { Inventory } from "./cluster.ts";
import { describeObject } from "./objects.ts";
import type { StateResource } from "./state.ts";
import { columns, componentCounts, namedThings } from "./summary.ts";
import type { Target } from "./target.ts";

/** Resources named in a message; the rest is counted. */
const NAMED_RESOURCES = 5;

/** Lines that say what a stack holds, and so what will be deleted. */
export function holdings(
  { stack, clusterName, region }: Target,
  account: string,
  resources: readonly StateResource[],
  inventory: Inventory | undefined,
): string[] {
  const counts = componentCounts(resources);
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const section = (title: string, rows: readonly [string, string][]) =>
    rows.length === 0 ? [] : [`\n${title}`, ...columns(rows)];
  const { makers = [], claims = [], kept = [] } = inventory ?? {};
  return [
    `The stack ${stack} holds ${total} resources (cluster ${clusterName}, in ${region}, account ${account}):`,
    ...columns(counts.map(({ component, count }) => [component, String(count)])),
    ...section(
      "Of these, what holds data or costs money by the hour:",
      namedThings(resources).map(({ what, name }) => [what, name]),
    ),
    ...section("On the cluster besides, deleted too:", [...makers, ...claims].map(describeObject)),
    ...section("On the cluster besides, and kept in AWS:", kept.map(describeObject)),
  ];
}

/** Throws a UserError that says how to go on when Pulumi would refuse to delete something. */
export function refuseProtected({ stack }: Target, found: readonly StateResource[]): void {
  if (found.length === 0) return;
  const names = found.slice(0, NAMED_RESOURCES).map(({ urn }) => `  ${urn.split("::").slice(2).join("::")}`);
  const more = found.length > names.length ? [`  and ${found.length - names.length} more`] : [];
  throw new UserError(
    [
      `Expected a stack without protected resources, but ${found.length} of ${stack} are protected. Nothing was deleted.`,
      ...names,
      ...more,
      "To let them go:",
      `  pulumi config set yolo:protect false --stack ${stack}`,
      `  pulumi up --stack ${stack}`,
      `  npm run teardown -- ${stack}`,
    ].join("\n"),
  );
}

/** Asks for the stack's name. Throws a UserError when it is not given, or when nobody can be asked. */
export async function confirm({ stack }: Target, signal: AbortSignal): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new UserError("Expected a terminal to ask on, or --yes. Nothing was deleted.");
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // In this mode the terminal gives Ctrl-C to the reader, and not as a signal.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    const answer = await terminal.question(`\nType ${stack} to delete all of this: `, { signal });
    if (answer.trim() !== stack) throw new UserError("Another name was typed. Nothing was deleted.");
  } finally {
    terminal.close();
  }
}

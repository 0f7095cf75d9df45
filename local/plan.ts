import { glob } from "node:fs/promises";
import { readArguments } from "./arguments.ts";
import { runMain, UserError } from "./errors.ts";
import { ROOT } from "./paths.ts";
import { PLACEHOLDERS } from "./plan-placeholders.ts";
import { previewStack } from "./plan-run.ts";
import { costNotes, planLines, planTable, unreadNames } from "./plan-table.ts";
import { ensureToolchain } from "./toolchain/index.ts";

const USAGE = `Usage: npm run plan -- STACK
Shows what \`pulumi up\` would create for a stack, without an AWS account: the real engine runs the program, and AWS is
stood in for. Nothing is created, and AWS is not asked.`;

const NOTICE = "AWS is stood in for: nothing was created, and no AWS account was asked anything.";

await runMain(async (signal) => {
  const line = readArguments(USAGE, { options: {}, allowPositionals: true });
  if (line === undefined) return;
  const [stack, ...rest] = line.positionals;
  if (stack === undefined || rest.length > 0) {
    throw new UserError(`Expected the name of one stack (${(await stacks()).join(", ")})\n\n${USAGE}`);
  }
  const toolchain = await ensureToolchain({ signal, report: () => {} });
  const started = Date.now();
  const options = { toolchain, signal, directory: ROOT, stack, placeholders: PLACEHOLDERS };
  const { steps, cost, secrets, placed } = await previewStack(options);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const lines = planLines(steps);
  const count = lines.reduce((sum, each) => sum + each.count, 0);
  console.log(`${NOTICE}\n`);
  for (const row of planTable(lines, cost)) console.log(row);
  console.log(`\n${count} resources of ${stack}, previewed in ${seconds} s.`);
  const unread = unreadNames(steps);
  if (unread.length > 0) {
    console.log(
      `Counted as one each, because their objects are known only when there is a cluster: ${unread.join(", ")}`,
    );
  }
  if (cost !== undefined) for (const note of costNotes(cost)) console.log(note);
  if (placed.length > 0) console.log(`Not set yet, and planned with placeholders: ${placed.join(", ")}`);
  if (secrets.length > 0) console.log(`Left out, because only the stack's key can read them: ${secrets.join(", ")}`);
  console.log(NOTICE);
});

async function stacks(): Promise<string[]> {
  const names: string[] = [];
  for await (const file of glob("Pulumi.*.yaml", { cwd: ROOT })) names.push(file.split(".")[1] ?? "");
  return names.sort();
}

import { readArguments } from "./arguments.ts";
import { runMain } from "./errors.ts";
import { ensureToolchain, type Tool } from "./toolchain/index.ts";

const USAGE = `Usage: npm run toolchain
Gets every tool that the local target runs, and prints what came from where.`;

const COLUMNS: Record<string, (tool: Tool) => string> = {
  Tool: ({ title }) => title,
  Version: ({ version }) => version,
  "Came from": ({ source }) => source,
  Size: ({ bytes }) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`,
  Seconds: ({ seconds }) => (seconds === 0 ? "" : String(seconds)),
};

/** A table with a heading, its columns as wide as their widest cell. */
function table(tools: readonly Tool[]): string {
  const rows = [Object.keys(COLUMNS), ...tools.map((tool) => Object.values(COLUMNS).map((cell) => cell(tool)))];
  const widths = Object.keys(COLUMNS).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

await runMain(async (signal) => {
  if (readArguments(USAGE, { options: {} }) === undefined) return;
  const { tools, binDir } = await ensureToolchain({ signal });
  console.log(`\n${table(tools)}\n\nExecutables: ${binDir}`);
});

import { existsSync } from "node:fs";
import { execa } from "execa";
import { runMain, UserError } from "./errors.ts";
import { ROOT } from "./paths.ts";
import { pulumiEnvironment, STACK, STACK_CONFIG_FILE } from "./stack.ts";
import { ensureToolchain } from "./toolchain/index.ts";

/** The commands that read a stack's configuration file, which for the local stack is not the committed one. */
const READS_CONFIG_FILE = new Set(["up", "update", "preview", "pre", "refresh", "destroy", "config", "import"]);

// `npm run pulumi -- COMMAND ...`: the project's own Pulumi, on the local stack unless another is named.
await runMain(async (signal) => {
  const [command, ...args] = process.argv.slice(2);
  if (command === undefined)
    throw new UserError("Expected a Pulumi command, for example: npm run pulumi -- preview --diff");
  if (!existsSync(STACK_CONFIG_FILE))
    throw new UserError("Expected a running local stack, but there is none. Run `npm start` first.");
  const toolchain = await ensureToolchain({ signal });
  const named = args.some((arg) => arg === "-s" || arg.startsWith("--stack"));
  const stack = named ? [] : ["--stack", STACK];
  const config = !named && READS_CONFIG_FILE.has(command) ? ["--config-file", STACK_CONFIG_FILE] : [];
  const usesStack = READS_CONFIG_FILE.has(command) || command === "stack";
  const { exitCode } = await execa("pulumi", [command, ...(usesStack ? [...stack, ...config] : []), ...args], {
    cwd: ROOT,
    env: pulumiEnvironment(toolchain),
    stdio: "inherit",
    reject: false,
  });
  process.exitCode = exitCode ?? 1;
});

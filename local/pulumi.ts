import { existsSync } from "node:fs";
import { execa } from "execa";
import { runMain, UserError } from "./errors.ts";
import { ROOT } from "./paths.ts";
import { pulumiEnvironment, STACK_CONFIG_FILE, withStackLock } from "./stack.ts";
import { ensureToolchain } from "./toolchain/index.ts";

/** The commands that read a stack's configuration file, which for the local stack is not the committed one. */
const READS_CONFIG_FILE = new Set(["up", "update", "preview", "pre", "refresh", "destroy", "config", "import"]);

/** The commands that change the stack; `npm start` waits for them, and they for it. */
const CHANGES_STACK = new Set(["up", "update", "refresh", "destroy", "import"]);

// `npm run pulumi -- COMMAND ...`: the project's own Pulumi, on the local stack unless another is named.
await runMain(async (signal) => {
  const [command, ...args] = process.argv.slice(2);
  if (command === undefined)
    throw new UserError("Expected a Pulumi command, for example: npm run pulumi -- preview --diff");
  if (!existsSync(STACK_CONFIG_FILE))
    throw new UserError("Expected a running local stack, but there is none. Run `npm start` first.");
  const toolchain = await ensureToolchain({ signal, report: () => {} });
  const named = args.some((arg) => arg === "-s" || arg.startsWith("--stack"));
  const config = !named && READS_CONFIG_FILE.has(command) ? ["--config-file", STACK_CONFIG_FILE] : [];
  const run = async () => {
    const { exitCode } = await execa("pulumi", [command, ...config, ...args], {
      cwd: ROOT,
      env: pulumiEnvironment(toolchain),
      stdio: "inherit",
      reject: false,
      cancelSignal: signal,
      forceKillAfterDelay: 30_000,
    });
    process.exitCode = exitCode ?? 1;
  };
  if (CHANGES_STACK.has(command)) await withStackLock(signal, () => console.error("Waiting for npm start ..."), run);
  else await run();
});

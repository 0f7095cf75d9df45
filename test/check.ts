import { execa } from "execa";
import { runMain, UserError } from "../local/errors.ts";
import { ROOT } from "../local/paths.ts";

/** Type check, lint and format: the checks that need no machine. `--fix` formats and mends what can be mended. */
const CHECKS = {
  tsc: ["--project", "."],
  biome: process.argv.includes("--fix") ? ["check", "--write", "."] : ["check", "--error-on-warnings", "."],
};

await runMain(async () => {
  const runs = Object.entries(CHECKS).map(async ([program, args]) => {
    const { exitCode, all } = await execa(program, args, { cwd: ROOT, preferLocal: true, all: true, reject: false });
    if (exitCode !== 0) throw new UserError(`${program} found problems:\n${all}`);
    console.log(`${program}: no problems`);
  });
  for (const run of await Promise.allSettled(runs)) if (run.status === "rejected") throw run.reason;
});

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { UserError } from "../errors.ts";
import { ROOT } from "../paths.ts";
import { ensureToolchain } from "../toolchain/index.ts";
import type { StateResource } from "./state.ts";
import type { Target } from "./target.ts";

/** What a teardown runs: the machine's own, which wrote the stack's state, or else those of the project's toolchain. */
const PROGRAMS = ["pulumi", "kubectl"];

/** Environment of everything that a teardown runs: the user's own login, backend and credentials. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Environment in which pulumi and kubectl are found. Throws a UserError when the machine has neither and cannot get them. */
export async function teardownEnvironment({ profile }: Target, signal: AbortSignal): Promise<Environment> {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const there = PROGRAMS.every((name) => folders.some((folder) => existsSync(join(folder, name))));
  const tools = there ? [] : [(await ensureToolchain({ signal, report: () => {} })).binDir];
  return {
    PATH: [...tools, ...folders].join(delimiter),
    PULUMI_SKIP_UPDATE_CHECK: "1",
    ...(profile !== undefined && { AWS_PROFILE: profile }),
  };
}

/** Reads the resources in a stack's state; undefined where there is no such stack. Throws a UserError with Pulumi's own words. */
export async function readState(
  { stack }: Target,
  env: Environment,
  signal: AbortSignal,
): Promise<StateResource[] | undefined> {
  const { stdout, stderr, exitCode } = await execa("pulumi", ["stack", "export", "--stack", stack], {
    cwd: ROOT,
    env,
    stdin: "ignore",
    reject: false,
    cancelSignal: signal,
  });
  signal.throwIfAborted();
  if (exitCode === 0) {
    const { deployment } = JSON.parse(stdout) as { deployment?: { resources?: StateResource[] } };
    return deployment?.resources ?? [];
  }
  if (/no stack named/.test(stderr)) return undefined;
  throw new UserError(`Could not read the state of ${stack}:\n${stderr.trim()}`);
}

/** What `pulumi destroy` is to do. */
export interface DestroyOptions {
  /** URNs of what goes, with all that depends on it. Defaults to everything. */
  urns?: readonly string[];
  /** Whether objects on a cluster that does not answer count as deleted. */
  clusterGone: boolean;
}

/** Deletes resources of a stack; Pulumi's own words are shown as they come. Throws a UserError when it fails. */
export async function destroy(
  { stack, configFile }: Target,
  { urns = [], clusterGone }: DestroyOptions,
  env: Environment,
  signal: AbortSignal,
): Promise<void> {
  const targets = urns.flatMap((urn) => ["--target", urn]);
  const args = [
    "--stack",
    stack,
    "--config-file",
    configFile,
    "--yes",
    "--skip-preview",
    "--non-interactive",
    "--suppress-outputs",
  ];
  const running = execa(
    "pulumi",
    ["destroy", ...args, ...targets, ...(urns.length > 0 ? ["--target-dependents"] : [])],
    {
      cwd: ROOT,
      env: { ...env, ...(clusterGone && { PULUMI_K8S_DELETE_UNREACHABLE: "true" }) },
      stdio: ["ignore", "inherit", "inherit"],
      reject: false,
      // The first interrupt makes Pulumi end what is under way and write it down; the second makes it drop everything. In a
      // process group of its own it does not get Ctrl-C twice: from the terminal, and from here.
      detached: true,
      killSignal: "SIGINT",
      forceKillAfterDelay: false,
      cancelSignal: signal,
    },
  );
  const onExit = () => running.kill("SIGINT");
  process.once("exit", onExit);
  const { exitCode } = await running;
  process.off("exit", onExit);
  signal.throwIfAborted();
  if (exitCode !== 0) {
    throw new UserError(
      `pulumi destroy failed (exit code ${exitCode ?? "none"}); its own message stands above. ` +
        "Run the same command again to go on with what is left.",
    );
  }
}

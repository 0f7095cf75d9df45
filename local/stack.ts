import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { UserError } from "./errors.ts";
import { MODELS_DIR } from "./model.ts";
import { KUBECONFIG, ROOT, STATE_DIR } from "./paths.ts";
import type { Toolchain } from "./toolchain/index.ts";

/** Name of the Pulumi stack that runs on the embedded cluster. */
export const STACK = "local";

/** Namespace of the service in the local stack. */
const NAMESPACE = "yolo";

/** Pulumi's own files for this clone: the user's PULUMI_HOME and login are never touched. */
const PULUMI_DIR = join(STATE_DIR, "pulumi");
const PASSPHRASE_FILE = join(PULUMI_DIR, "passphrase");

/** The committed Pulumi.local.yaml with this machine's values added; written anew before every run. */
export const STACK_CONFIG_FILE = join(PULUMI_DIR, `Pulumi.${STACK}.yaml`);

/** What runs on a stack: an image and a model, both by digest. */
export interface Release {
  image: string;
  model: { name: string; sha256: string };
}

/** How many resources a run of `pulumi up` created, updated and so on, by Pulumi's own word for it (`same`: unchanged). */
export type Changes = Record<string, number>;

/** What the stack exports, as far as the local commands use it. */
export interface StackOutputs {
  namespace: string;
  service: string;
  nodePort: number;
}

/** The environment in which Pulumi uses this clone's state, tools and plugins only, and asks for nothing. */
export function pulumiEnvironment(toolchain: Toolchain): Record<string, string> {
  return {
    PATH: `${toolchain.binDir}:${process.env.PATH}`,
    PULUMI_HOME: join(PULUMI_DIR, "home"),
    PULUMI_BACKEND_URL: `file://${join(PULUMI_DIR, "state")}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: PASSPHRASE_FILE,
    PULUMI_SKIP_UPDATE_CHECK: "1",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "1",
    // A plugin on the user's PATH would win over the pinned one.
    PULUMI_IGNORE_AMBIENT_PLUGINS: "1",
  };
}

/** Makes the backend, the passphrase and the stack where they are missing. */
export async function initStack(toolchain: Toolchain, signal: AbortSignal): Promise<void> {
  const home = join(PULUMI_DIR, "home");
  for (const folder of [home, join(PULUMI_DIR, "state")]) await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(join(home, "plugins"), { recursive: true, force: true });
  await symlink(toolchain.pluginDir, join(home, "plugins"));
  if (!existsSync(PASSPHRASE_FILE)) await writeFile(PASSPHRASE_FILE, randomBytes(24).toString("hex"), { mode: 0o600 });
  if (existsSync(STACK_CONFIG_FILE)) return;
  // `stack init` writes the stack's salt beside the Pulumi.yaml it finds: here, so that the committed file stays as it is.
  await writeFile(join(PULUMI_DIR, "Pulumi.yaml"), "name: yolo\nruntime: nodejs\n");
  await execa("pulumi", ["stack", "init", STACK, "--non-interactive", "--cwd", PULUMI_DIR], {
    env: pulumiEnvironment(toolchain),
    cancelSignal: signal,
  });
}

/** Writes the stack's configuration: the committed values, this machine's cluster, and the release to run. */
export async function writeStackConfig(release: Release): Promise<void> {
  const committed = parse(await readFile(join(ROOT, `Pulumi.${STACK}.yaml`), "utf8"));
  const current = parse(await readFile(STACK_CONFIG_FILE, "utf8"));
  const config = {
    ...current,
    config: {
      ...committed.config,
      "yolo:cluster": { ...committed.config["yolo:cluster"], kubeconfig: KUBECONFIG },
      // The node sees this clone's state folder under its own path.
      "yolo:modelStore": { volume: { ...committed.config["yolo:modelStore"].volume, path: MODELS_DIR } },
      "yolo:detector": { ...committed.config["yolo:detector"], namespace: NAMESPACE },
      "yolo:release": release,
    },
  };
  const temporary = `${STACK_CONFIG_FILE}.new`;
  await writeFile(temporary, stringify(config), { mode: 0o600 });
  await rename(temporary, STACK_CONFIG_FILE);
}

/** Runs `pulumi up` and waits until everything is ready. Throws a UserError with Pulumi's own words when it fails. */
export async function up(toolchain: Toolchain, signal: AbortSignal, report: (line: string) => void): Promise<Changes> {
  const env = pulumiEnvironment(toolchain);
  const run = execa(
    "pulumi",
    [
      "up",
      "--stack",
      STACK,
      "--config-file",
      STACK_CONFIG_FILE,
      "--yes",
      "--skip-preview",
      "--non-interactive",
      "--color",
      "never",
    ],
    {
      cwd: ROOT,
      env,
      reject: false,
      all: true,
      cancelSignal: signal,
      forceKillAfterDelay: 30_000,
    },
  );
  for await (const line of run.iterable({ from: "all" })) report(line.trim());
  const { exitCode, all } = await run;
  signal.throwIfAborted();
  if (exitCode !== 0) {
    const args = ["--kubeconfig", KUBECONFIG, "logs", "--namespace", NAMESPACE, "deployment/detector", "--tail", "10"];
    const logs = await execa("kubectl", args, { env, reject: false, all: true });
    throw new UserError(
      `pulumi up failed (exit code ${exitCode}):\n${all}\nLast lines of the service's log:\n${logs.all}`,
    );
  }
  return parseChanges(all);
}

/** Reads the counts out of the summary that Pulumi ends with, for example `    + 13 created` or `    12 unchanged`. */
export function parseChanges(output: string): Changes {
  const summary = output.slice(output.lastIndexOf("\nResources:"));
  return Object.fromEntries(
    [...summary.matchAll(/^ +(?:\S+ )?(\d+) (\w+)$/gm)].map(([, count, what]) => [what, Number(count)]),
  );
}

/** What the stack exports. */
export async function outputs(toolchain: Toolchain): Promise<StackOutputs> {
  const { stdout } = await execa("pulumi", ["stack", "output", "--stack", STACK, "--json"], {
    cwd: ROOT,
    env: pulumiEnvironment(toolchain),
  });
  return JSON.parse(stdout) as StackOutputs;
}

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { endOrphans } from "./cluster/processes.ts";
import { UserError } from "./errors.ts";
import { MODELS_DIR } from "./model.ts";
import { KUBECONFIG, ROOT, STATE_DIR } from "./paths.ts";
import { type CommittedConfig, readCommittedConfig, readYaml, STACK } from "./stack-config.ts";
import type { Toolchain } from "./toolchain/index.ts";
import { withLock } from "./toolchain/lock.ts";

/** Pulumi's own files for this clone: the user's PULUMI_HOME and login are never touched. */
const PULUMI_DIR = join(STATE_DIR, "pulumi");
const PASSPHRASE_FILE = join(PULUMI_DIR, "passphrase");
const BACKEND_DIR = join(PULUMI_DIR, "state");

/** The committed Pulumi.local.yaml with this machine's values added; written anew before every run. */
export const STACK_CONFIG_FILE = join(PULUMI_DIR, `Pulumi.${STACK}.yaml`);

/** What runs on a stack: an image and a model, both by digest. */
export interface Release {
  image: string;
  model: { name: string; sha256: string };
}

/** How many resources a run of `pulumi up` created, updated and so on, by Pulumi's own word for it. */
export type Changes = Record<string, number>;

/** Runs `action` while no other command of this clone changes the stack. */
export function withStackLock<T>(signal: AbortSignal, onWait: () => void, action: () => Promise<T>): Promise<T> {
  return withLock(join(STATE_DIR, "stack.lock"), { signal, onWait }, action);
}

/** The environment in which Pulumi uses this clone's state, tools and plugins only, and asks for nothing. */
export function pulumiEnvironment(toolchain: Toolchain): Record<string, string | undefined> {
  // The node is on this machine; no proxy knows a way to it.
  const noProxy = [process.env.NO_PROXY ?? process.env.no_proxy, "10.200.0.0/16"].filter(Boolean).join(",");
  return {
    PATH: `${toolchain.binDir}:${process.env.PATH}`,
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    PULUMI_HOME: join(PULUMI_DIR, "home"),
    PULUMI_BACKEND_URL: `file://${BACKEND_DIR}`,
    PULUMI_STACK: STACK,
    PULUMI_CONFIG_PASSPHRASE: undefined,
    PULUMI_CONFIG_PASSPHRASE_FILE: PASSPHRASE_FILE,
    PULUMI_ACCESS_TOKEN: undefined,
    PULUMI_SKIP_UPDATE_CHECK: "1",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "1",
    // A plugin on the user's PATH would win over the pinned one.
    PULUMI_IGNORE_AMBIENT_PLUGINS: "1",
  };
}

/** Ends plugins whose engine was killed: they have process groups of their own, and would outlive it for ever. */
export function endOrphanedPlugins(): Promise<void> {
  return endOrphans(join(PULUMI_DIR, "home", "plugins"), "pulumi");
}

/** Makes the backend, the passphrase and the stack where they are missing, and removes what a killed run left locked. */
export async function initStack(toolchain: Toolchain, signal: AbortSignal): Promise<void> {
  await endOrphanedPlugins();
  const home = join(PULUMI_DIR, "home");
  for (const folder of [home, BACKEND_DIR]) await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(join(home, "plugins"), { recursive: true, force: true });
  await symlink(toolchain.pluginDir, join(home, "plugins"));
  if (!existsSync(PASSPHRASE_FILE)) await writeFile(PASSPHRASE_FILE, randomBytes(24).toString("hex"), { mode: 0o600 });
  // This process holds the stack's lock, so that what Pulumi says is locked is locked by a process that is gone.
  await rm(join(BACKEND_DIR, ".pulumi", "locks"), { recursive: true, force: true });
  if (existsSync(join(BACKEND_DIR, ".pulumi", "stacks", "yolo", `${STACK}.json`)) && existsSync(STACK_CONFIG_FILE))
    return;
  // Pulumi writes the stack's salt beside the Pulumi.yaml it finds: here, so that the committed file stays as it is.
  await writeFile(join(PULUMI_DIR, "Pulumi.yaml"), "name: yolo\nruntime: nodejs\n");
  await execa("pulumi", ["stack", "select", "--create", STACK, "--non-interactive", "--cwd", PULUMI_DIR], {
    env: pulumiEnvironment(toolchain),
    cancelSignal: signal,
  });
}

/** Writes the stack's configuration: the committed values, this machine's cluster, and the release to run. */
export async function writeStackConfig(committed: CommittedConfig, release: Release): Promise<void> {
  const current = existsSync(STACK_CONFIG_FILE) ? await readYaml(STACK_CONFIG_FILE) : {};
  const config = {
    ...current,
    config: {
      ...committed,
      "yolo:cluster": { ...committed["yolo:cluster"], kubeconfig: KUBECONFIG },
      // The node sees this clone's state folder under its own path.
      "yolo:modelStore": { ...committed["yolo:modelStore"], volume: localVolume(committed) },
      "yolo:release": release,
    },
  };
  const temporary = `${STACK_CONFIG_FILE}.new`;
  await writeFile(temporary, stringify(config), { mode: 0o600 });
  await rename(temporary, STACK_CONFIG_FILE);
}

/** The folder of models on this machine; what else is said of a folder stays. */
function localVolume({ "yolo:modelStore": store }: CommittedConfig): object {
  const { volume } = store ?? {};
  return { ...(volume?.type === "hostPath" && volume), type: "hostPath", path: MODELS_DIR };
}

/** Runs `pulumi up` and waits until everything is ready. Throws a UserError with Pulumi's own words when it fails. */
export async function up(toolchain: Toolchain, signal: AbortSignal, report: (line: string) => void): Promise<Changes> {
  const env = pulumiEnvironment(toolchain);
  const options = ["--yes", "--skip-preview", "--non-interactive", "--color", "never"];
  const run = execa("pulumi", ["up", "--config-file", STACK_CONFIG_FILE, ...options], {
    cwd: ROOT,
    env,
    reject: false,
    all: true,
    cancelSignal: signal,
    forceKillAfterDelay: 30_000,
  });
  run.all.on("data", (chunk: Buffer) => report(chunk.toString().trimEnd().split("\n").at(-1)?.trim() ?? ""));
  const { exitCode, all } = await run;
  signal.throwIfAborted();
  if (exitCode !== 0) {
    throw new UserError(
      `pulumi up failed (exit code ${exitCode}):\n${all}\nLast lines of the service's log:\n${await lastLogLines(env)}`,
    );
  }
  return parseChanges(all);
}

async function lastLogLines(env: Record<string, string | undefined>): Promise<string> {
  const { "yolo:detector": detector } = await readCommittedConfig();
  // The default of stacks/config/detector.ts.
  const namespace = detector?.namespace ?? "yolo";
  const args = ["--kubeconfig", KUBECONFIG, "logs", "--namespace", namespace, "deployment/detector", "--tail", "10"];
  return (await execa("kubectl", args, { env, reject: false, all: true })).all;
}

/** Reads the counts out of the summary that Pulumi ends with, such as `    + 13 created`, `    +-1 replaced`, `    12 unchanged`. */
export function parseChanges(output: string): Changes {
  const summary = output.slice(output.lastIndexOf("\nResources:"));
  return Object.fromEntries(
    [...summary.matchAll(/^ +[^\w\n]*(\d+) (\w+)$/gm)].map(([, count, what]) => [what, Number(count)]),
  );
}

/** The port of the service on the node. Throws a UserError when the stack's configuration gives it none. */
export async function nodePort(toolchain: Toolchain): Promise<number> {
  const { stdout } = await execa("pulumi", ["stack", "output", "--json"], {
    cwd: ROOT,
    env: pulumiEnvironment(toolchain),
  });
  const outputs = JSON.parse(stdout) as { nodePort?: number };
  if (outputs.nodePort !== undefined) return outputs.nodePort;
  throw new UserError(
    "Expected a Service with a port on the node, but yolo:detector in Pulumi.local.yaml asks for another type. " +
      "Set service.type to NodePort and run the same command again.",
  );
}

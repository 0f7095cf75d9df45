import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import type { MonthlyCost } from "../stacks/platform.ts";
import { standinEnvironment } from "../test/standins/environment.ts";
import { UserError } from "./errors.ts";
import { type Step, typeOf } from "./plan-table.ts";
import { pulumiEnvironment } from "./stack.ts";
import { readYaml } from "./stack-config.ts";
import type { Toolchain } from "./toolchain/index.ts";

/** What a preview against the stand-ins needs. */
export interface PlanOptions {
  toolchain: Toolchain;
  signal: AbortSignal;
  /** Folder of the program. */
  directory: string;
  stack: string;
  /** Values of the configuration that others give before the stack is run for real; taken where the stack has none. */
  placeholders?: Readonly<Record<string, unknown>>;
  /** File with the credentials of a cluster that stands for EKS; without one there is none. */
  kubeconfig?: string;
}

/** What a preview of a stack found. */
export interface Plan {
  steps: Step[];
  /** What a month costs, where the stack says it. */
  cost?: MonthlyCost;
  /** Keys of the configuration that stand-in values were taken for. */
  placed: string[];
  /** Keys of the configuration whose values are encrypted: they were left out. */
  secrets: string[];
}

/**
 * Environment in which the engine puts the state together once, at the end, and not after each resource, which takes time by the
 * square of their number (https://github.com/pulumi/pulumi/issues/10960). For previews, which throw the state away.
 */
export const WITHOUT_CHECKPOINTS = { PULUMI_SKIP_CHECKPOINTS: "true" };

/** One line of what `pulumi --json` prints of a run while it runs, as far as it is read here. */
export interface EngineEvent {
  resourcePreEvent?: { metadata: { op: string; urn: string; new?: Step["newState"] & { inputs?: object } } };
  resOutputsEvent?: { metadata: { urn: string; new?: { outputs?: { estimatedMonthlyUsd?: MonthlyCost } } } };
  diagnosticEvent?: { message: string; severity: string };
}

/** Previews a stack that does not exist yet, by the real engine, with AWS and EKS stood in for. Throws a UserError with what is wrong. */
export async function previewStack(options: PlanOptions): Promise<Plan> {
  const { signal, directory, stack } = options;
  const committed = join(directory, `Pulumi.${stack}.yaml`);
  if (!existsSync(committed)) {
    throw new UserError(`Expected a stack but received "${stack}": there is no ${committed}.`);
  }
  const folder = await mkdtemp(join(tmpdir(), "yolo-plan-"));
  try {
    const { env, configFile, ...left } = await makeStandinStack(folder, options);
    const { stdout, stderr, exitCode } = await execa("pulumi", ["preview", "--json", "--config-file", configFile], {
      cwd: directory,
      env: { ...env, ...WITHOUT_CHECKPOINTS },
      reject: false,
      cancelSignal: signal,
      forceKillAfterDelay: 30_000,
    });
    signal.throwIfAborted();
    const events = stdout.split("\n").flatMap(readEvent);
    if (exitCode === 0) return { ...readPlan(events), ...left };
    throw new UserError(`The preview of ${stack} failed:\n${errorsOf(events) || stderr || stdout}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A stack in an empty backend, which Pulumi runs against the stand-ins by this environment and configuration. */
export interface StandinStack extends Pick<Plan, "secrets" | "placed"> {
  env: Record<string, string | undefined>;
  configFile: string;
  /** File of the AWS account that the stand-ins keep. */
  account: string;
}

/** Makes an empty backend, and a stack in it with the committed configuration; says which keys were left out or filled in. */
export async function makeStandinStack(
  folder: string,
  { toolchain, signal, directory, stack, placeholders = {}, kubeconfig }: PlanOptions,
): Promise<StandinStack> {
  for (const name of ["home", "state"]) await mkdir(join(folder, name));
  await symlink(toolchain.pluginDir, join(folder, "home", "plugins"));
  const account = join(folder, "account.json");
  const path = `${toolchain.binDir}:${process.env.PATH}`;
  const env = {
    ...pulumiEnvironment(toolchain),
    ...standinEnvironment({ account, path, ...(kubeconfig !== undefined && { kubeconfig }) }),
    PULUMI_HOME: join(folder, "home"),
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
    PULUMI_STACK: stack,
    PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
    PULUMI_CONFIG_PASSPHRASE: "plan",
    ...Object.fromEntries(["CACHE", "CONFIG", "DATA"].map((what) => [`HELM_${what}_HOME`, join(folder, "helm")])),
    // Without it the stack's outputs, which say what it costs, are left out.
    PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "1",
  };
  const project = await readYaml(join(directory, "Pulumi.yaml"));
  // Pulumi writes the stack's salt beside the Pulumi.yaml it finds: here, so that the committed file stays as it is.
  await writeFile(join(folder, "Pulumi.yaml"), stringify({ name: project.name, runtime: "nodejs" }));
  await execa("pulumi", ["stack", "init", stack, "--non-interactive", "--cwd", folder], { env, cancelSignal: signal });
  const configFile = join(folder, `Pulumi.${stack}.yaml`);
  const committed = await readYaml(join(directory, `Pulumi.${stack}.yaml`));
  const config = (committed.config ?? {}) as Record<string, unknown>;
  const secrets = Object.keys(config).filter((key) => isSecret(config[key]));
  const readable = Object.fromEntries(Object.entries(config).filter(([key]) => !secrets.includes(key)));
  const own = await readYaml(configFile);
  await writeFile(configFile, stringify({ ...own, config: { ...placeholders, ...readable } }));
  return { env, configFile, account, secrets, placed: Object.keys(placeholders).filter((key) => !(key in config)) };
}

/** Values that only the keeper of the stack's key can read. */
function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && "secure" in value;
}

/** Reads a line; one that is no event is left out, because what a plugin prints may come between. */
export function readEvent(line: string): EngineEvent[] {
  try {
    return [JSON.parse(line) as EngineEvent];
  } catch {
    return [];
  }
}

/** What went wrong in a run, in Pulumi's words. */
export function errorsOf(events: readonly EngineEvent[]): string {
  return events
    .filter(({ diagnosticEvent }) => diagnosticEvent?.severity === "error")
    .map(({ diagnosticEvent }) => diagnosticEvent?.message.trim())
    .join("\n");
}

function readPlan(events: readonly EngineEvent[]): Pick<Plan, "steps" | "cost"> {
  const steps = events.flatMap(({ resourcePreEvent: event }): Step[] => {
    if (event === undefined) return [];
    const { op, urn, new: state } = event.metadata;
    // What is no component says so; what says nothing is one.
    return [{ op, urn, ...(state && { newState: { ...state, custom: state.custom === true } }) }];
  });
  const outputs = events
    .map(({ resOutputsEvent: event }) => event?.metadata)
    .filter((metadata) => metadata !== undefined && typeOf(metadata.urn) === "pulumi:pulumi:Stack")
    .at(-1)?.new?.outputs;
  const cost = outputs?.estimatedMonthlyUsd;
  return { steps, ...(cost !== undefined && { cost }) };
}

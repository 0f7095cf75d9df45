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

/** One line of what `pulumi preview --json` prints of a run while it runs. */
interface EngineEvent {
  resourcePreEvent?: { metadata: { op: string; urn: string; new?: Step["newState"] } };
  resOutputsEvent?: { metadata: { urn: string; new?: { outputs?: { estimatedMonthlyUsd?: MonthlyCost } } } };
  diagnosticEvent?: { message: string; severity: string };
}

/** Previews a stack that does not exist yet, by the real engine, with AWS and EKS stood in for. Throws a UserError with what is wrong. */
export async function previewStack(options: PlanOptions): Promise<Plan> {
  const { toolchain, signal, directory, stack } = options;
  const committed = join(directory, `Pulumi.${stack}.yaml`);
  if (!existsSync(committed)) {
    throw new UserError(`Expected a stack but received "${stack}": there is no ${committed}.`);
  }
  const folder = await mkdtemp(join(tmpdir(), "yolo-plan-"));
  try {
    const env = {
      ...pulumiEnvironment(toolchain),
      ...standinEnvironment({ account: join(folder, "account.json"), path: `${toolchain.binDir}:${process.env.PATH}` }),
      PULUMI_HOME: join(folder, "home"),
      PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
      PULUMI_STACK: stack,
      PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
      PULUMI_CONFIG_PASSPHRASE: "plan",
      // Without it the stack's outputs, which say what it costs, are left out.
      PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "1",
    };
    const left = await prepare(folder, committed, options, env);
    const config = join(folder, `Pulumi.${stack}.yaml`);
    const { stdout, stderr, exitCode } = await execa("pulumi", ["preview", "--json", "--config-file", config], {
      cwd: directory,
      env,
      reject: false,
      cancelSignal: signal,
      forceKillAfterDelay: 30_000,
    });
    signal.throwIfAborted();
    const events = readEvents(stdout);
    if (exitCode === 0) return { ...readPlan(events), ...left };
    const errors = events
      .filter(({ diagnosticEvent }) => diagnosticEvent?.severity === "error")
      .map(({ diagnosticEvent }) => diagnosticEvent?.message.trim());
    throw new UserError(`The preview of ${stack} failed:\n${errors.join("\n") || stderr || stdout}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes an empty backend and the stack's configuration in it; returns the keys that were left out or filled in. */
async function prepare(
  folder: string,
  committed: string,
  { toolchain, signal, stack, placeholders = {} }: PlanOptions,
  env: Record<string, string | undefined>,
): Promise<Pick<Plan, "secrets" | "placed">> {
  for (const name of ["home", "state"]) await mkdir(join(folder, name));
  await symlink(toolchain.pluginDir, join(folder, "home", "plugins"));
  const project = await readYaml(join(committed, "..", "Pulumi.yaml"));
  // Pulumi writes the stack's salt beside the Pulumi.yaml it finds: here, so that the committed file stays as it is.
  await writeFile(join(folder, "Pulumi.yaml"), stringify({ name: project.name, runtime: "nodejs" }));
  await execa("pulumi", ["stack", "init", stack, "--non-interactive", "--cwd", folder], { env, cancelSignal: signal });
  const own = join(folder, `Pulumi.${stack}.yaml`);
  const config = ((await readYaml(committed)).config ?? {}) as Record<string, unknown>;
  const secrets = Object.keys(config).filter((key) => isSecret(config[key]));
  const readable = Object.fromEntries(Object.entries(config).filter(([key]) => !secrets.includes(key)));
  await writeFile(own, stringify({ ...(await readYaml(own)), config: { ...placeholders, ...readable } }));
  return { secrets, placed: Object.keys(placeholders).filter((key) => !(key in config)) };
}

/** Values that only the keeper of the stack's key can read. */
function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && "secure" in value;
}

/** Lines that are no event are left out: what a plugin prints may come between. */
function readEvents(stdout: string): EngineEvent[] {
  return stdout.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as EngineEvent];
    } catch {
      return [];
    }
  });
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

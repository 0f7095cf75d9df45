import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import type { ProgramInfo, RunRequest } from "@pulumi/pulumi/proto/language_pb.js";
import { parseCommandString } from "execa";
import { z } from "zod";

/** What `runtime.options` of Pulumi.yaml may set; anything else is ignored, as by Pulumi's own language host. */
const Options = z.object({
  /** Lets @pulumi/pulumi load ts-node. Node runs TypeScript itself, so it is only for older projects. */
  typescript: z.boolean().default(true),
  tsconfig: z.string().optional(),
  /** Arguments for node itself, separated by spaces. */
  nodeargs: z.string().default(""),
  packagemanager: z.enum(["npm", "pnpm", "yarn", "bun"]).default("npm"),
});

/** The options of a program, with their defaults. Throws when one has the wrong type. */
export function programOptions(info: ProgramInfo | undefined): z.infer<typeof Options> {
  const parsed = Options.safeParse(info?.getOptions()?.toJavaScript() ?? {});
  if (!parsed.success) throw new Error(`Invalid runtime options in Pulumi.yaml:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** What node is started with: its arguments and what it finds in its environment. */
export interface Command {
  args: string[];
  env: NodeJS.ProcessEnv;
}

/** The command that runs a Pulumi program against the engine's resource monitor. */
export function runCommand(request: RunRequest, engineAddress: string): Command {
  const info = request.getInfo();
  const options = programOptions(info);
  const flags: Record<string, string> = {
    monitor: request.getMonitorAddress(),
    engine: engineAddress,
    organization: request.getOrganization(),
    project: request.getProject(),
    stack: request.getStack(),
    pwd: request.getPwd(),
    "root-directory": info?.getRootDirectory() ?? request.getPwd(),
  };
  if (request.getParallel() > 0) flags.parallel = String(request.getParallel());
  const env: NodeJS.ProcessEnv = {
    ...nodeEnvironment(process.env),
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    PULUMI_NODEJS_TYPESCRIPT: String(options.typescript),
  };
  if (options.tsconfig !== undefined) env.PULUMI_NODEJS_TSCONFIG_PATH = options.tsconfig;
  return {
    args: [
      ...parseCommandString(options.nodeargs),
      sdkScript("run", info?.getProgramDirectory() ?? request.getPwd()),
      ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
      ...(request.getDryrun() ? ["--dry-run"] : []),
      // `.` makes the SDK look for the entry point in package.json.
      info?.getEntryPoint() || ".",
      ...request.getArgsList(),
    ],
    env,
  };
}

/**
 * A script of the @pulumi/pulumi that a program imports. The program's own is taken, because versions on either side
 * of a program would not share their state.
 */
export function sdkScript(name: "run" | "run-plugin" | "run-policy-pack", programDirectory: string): string {
  for (const from of [join(programDirectory, "package.json"), import.meta.filename]) {
    try {
      return createRequire(from).resolve(`@pulumi/pulumi/cmd/${name}`);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND")) throw error;
    }
  }
  throw new Error(
    `Expected @pulumi/pulumi in node_modules for ${programDirectory}, but it is not installed. Run npm install there.`,
  );
}

/** The environment in which `node` on PATH is the Node that runs this host. */
export function nodeEnvironment(base: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...base, PATH: [dirname(process.execPath), base.PATH].filter((part) => part !== undefined).join(delimiter) };
}

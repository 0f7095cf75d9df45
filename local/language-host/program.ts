import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import type { ProgramInfo, RunRequest } from "@pulumi/pulumi/proto/language_pb.js";
import { COMPILED_DIR } from "./compiled.ts";
import { readManifest } from "./packages.ts";

/** What `runtime.options` of Pulumi.yaml may set; anything else is ignored, as by Pulumi's own language host. */
export interface ProgramOptions {
  /** Lets @pulumi/pulumi load ts-node. Node runs TypeScript itself, so it is only for older projects. Defaults to true. */
  typescript: boolean;
  tsconfig: string | undefined;
  /** Arguments for node itself, separated by spaces. Defaults to none. */
  nodeargs: string;
  /** Defaults to npm. */
  packagemanager: string;
}

const PACKAGE_MANAGERS = ["npm", "pnpm", "yarn", "bun"];

/** The options of a program, with their defaults. Throws when one has the wrong type, or names no package manager. */
export function programOptions(info: ProgramInfo | undefined): ProgramOptions {
  const given: Record<string, unknown> = info?.getOptions()?.toJavaScript() ?? {};
  const { typescript = true, tsconfig, nodeargs = "", packagemanager = "npm" } = given;
  const wrong = (name: string, expected: string) =>
    new Error(`Expected ${expected} for runtime.options.${name} in Pulumi.yaml but received ${given[name]}.`);
  if (typeof typescript !== "boolean") throw wrong("typescript", "true or false");
  if (tsconfig !== undefined && typeof tsconfig !== "string") throw wrong("tsconfig", "a path");
  if (typeof nodeargs !== "string") throw wrong("nodeargs", "arguments in one string");
  if (typeof packagemanager !== "string" || !PACKAGE_MANAGERS.includes(packagemanager))
    throw wrong("packagemanager", PACKAGE_MANAGERS.join(", "));
  return { typescript, tsconfig, nodeargs, packagemanager };
}

const PRELOAD = import.meta.resolve("./preload.ts");

/** What node is started with: its arguments and what it finds in its environment. */
export interface Command {
  args: string[];
  env: NodeJS.ProcessEnv;
}

/** The command that runs a Pulumi program against the engine's resource monitor. */
export async function runCommand(request: RunRequest, engineAddress: string): Promise<Command> {
  const info = request.getInfo();
  const options = programOptions(info);
  const directory = info?.getProgramDirectory() || request.getPwd();
  // `.` makes the SDK look for the entry point in package.json.
  const entryPoint = info?.getEntryPoint() || ".";
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
    // Of its own: the SDK sets a flag of V8, and what was compiled under others, as of this host, is compiled again.
    NODE_COMPILE_CACHE: join(process.env.NODE_COMPILE_CACHE || COMPILED_DIR, "programs"),
  };
  if (options.tsconfig !== undefined) env.PULUMI_NODEJS_TSCONFIG_PATH = options.tsconfig;
  return {
    args: [
      ...(await nodeArguments(options.nodeargs)),
      ...(!options.typescript && (await isTypeScript(entryPoint, directory)) ? ["--import", PRELOAD] : []),
      sdkScript("run", directory),
      ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
      ...(request.getDryrun() ? ["--dry-run"] : []),
      entryPoint,
      ...request.getArgsList(),
    ],
    env,
  };
}

/** Most programs have none: what takes them apart is loaded for the others only. */
async function nodeArguments(text: string): Promise<string[]> {
  return text.trim() === "" ? [] : (await import("execa")).parseCommandString(text);
}

/** Whether it is TypeScript that Node is to run, by the name of the file: other programs may need maps to their sources. */
async function isTypeScript(entryPoint: string, directory: string): Promise<boolean> {
  const file = entryPoint === "." ? (await readManifest(directory))?.main : entryPoint;
  return file !== undefined && /\.[cm]?ts$/.test(file);
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

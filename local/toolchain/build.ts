import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, cp, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { UserError } from "../errors.ts";
import { CACHE_DIR } from "../paths.ts";
import { explainFullDisk } from "./disk.ts";
import { goEnvironment, MODULES_DIR, requireGo } from "./go.ts";
import type { Pin } from "./pins.ts";

/** Settings that decide what the compiler makes: changing one changes the key of everything that was built. */
export const BUILD_FLAGS = ["-gcflags=all=-dwarf=false", "-ldflags=-s -w"] as const;

const KILL_DELAY_MS = 5000;
const LAST_LINES = 20;

/**
 * Builds a pin's executables into `into`, using `scratch` for what is needed meanwhile. Calls `progress` with what was
 * compiled or downloaded last and how many packages that makes. Throws a UserError with Go's last lines when it fails.
 */
export async function build(pin: Pin, { into, scratch, signal, progress = () => {} }: BuildOptions): Promise<void> {
  const go = await requireGo(pin, signal);
  await mkdir(join(scratch, "tmp"), { recursive: true });
  const cwd =
    pin.embeds === undefined ? join(MODULES_DIR, pin.id) : await stageModule(go, pin, pin.embeds, scratch, signal);
  const variables = pin.variables.map((variable) => ` -X ${variable}`).join("");
  const [single] = pin.executables;
  const output = pin.executables.length === 1 && single !== undefined ? join(into, single) : `${into}/`;
  const [gcflags, ldflags] = BUILD_FLAGS;
  const args = ["build", "-v", gcflags, `${ldflags}${variables}`, "-o", output, ...pin.packages];
  try {
    await runGo(go, args, { cwd, scratch, signal, progress });
  } catch (error) {
    signal.throwIfAborted();
    throw explainFullDisk(error, CACHE_DIR);
  }
}

/**
 * Downloads the modules that building a pin takes, and no others. Does nothing worse than not helping when it fails: the
 * build itself downloads what is missing, and says what is wrong.
 */
export async function prefetchModules(pin: Pin, signal: AbortSignal): Promise<void> {
  const go = await requireGo(pin, signal);
  // `-e`, because files that are embedded are not there yet.
  await execa(go, ["list", "-deps", "-e", ...pin.packages], {
    cwd: join(MODULES_DIR, pin.id),
    env: goEnvironment(),
    stdio: "ignore",
    cancelSignal: signal,
    reject: false,
  });
}

/** Where a build writes, and what stops and follows it. */
export interface BuildOptions {
  into: string;
  scratch: string;
  signal: AbortSignal;
  progress?: (packages: number, line: string) => void;
}

/** Copies the wrapper, and beside it what its main package embeds: an embedded file must lie inside the module. */
async function stageModule(
  go: string,
  pin: Pin,
  embeds: NonNullable<Pin["embeds"]>,
  scratch: string,
  signal: AbortSignal,
) {
  const staged = join(scratch, "module");
  await cp(join(MODULES_DIR, pin.id), staged, { recursive: true });
  const options = { cwd: staged, env: goEnvironment(scratch), cancelSignal: signal };
  try {
    await execa(go, ["mod", "download", embeds.module], options);
    const { stdout: folder } = await execa(go, ["list", "-m", "-f", "{{.Dir}}", embeds.module], options);
    for (const file of embeds.files) await copyFile(join(folder, file), join(staged, basename(file)));
  } catch (error) {
    signal.throwIfAborted();
    const text = error instanceof Error ? error.message : String(error);
    throw explainFullDisk(
      new UserError(`Go could not fetch the module ${embeds.module}:\n${text}`, { cause: error }),
      CACHE_DIR,
    );
  }
  return staged;
}

interface GoRun {
  cwd: string;
  scratch: string;
  signal: AbortSignal;
  progress: (packages: number, line: string) => void;
}

async function runGo(go: string, args: string[], { cwd, scratch, signal, progress }: GoRun): Promise<void> {
  // A process group of its own, so that its compilers end with it; setpriv ends it should we be killed.
  const child = spawn("setpriv", ["--pdeathsig", "INT", "--", go, ...args], {
    cwd,
    env: { ...process.env, ...goEnvironment(scratch) },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const kill = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // The group has ended by itself.
    }
  };
  let lastResort: NodeJS.Timeout | undefined;
  const stop = () => {
    kill("SIGINT");
    lastResort = setTimeout(() => kill("SIGKILL"), KILL_DELAY_MS);
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    const closed = once(child, "close");
    closed.catch(() => {});
    const last: string[] = [];
    let packages = 0;
    for await (const line of createInterface({ input: child.stderr })) {
      // `-v` prints the import path of each package when it is compiled.
      if (/^[\w.~-]+(\/[\w.~-]+)*$/.test(line)) packages++;
      else if (!line.startsWith("go: downloading ")) last.splice(0, last.push(line) - LAST_LINES);
      progress(packages, line);
    }
    const [code, endedBy] = (await closed) as [number | null, NodeJS.Signals | null];
    signal.throwIfAborted();
    if (code !== 0) {
      const how = endedBy === null ? `exit code ${code}` : endedBy;
      throw new UserError(`go ${args[0]} failed in ${cwd} (${how}). Its last lines:\n${last.join("\n")}`);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    clearTimeout(lastResort);
  }
}

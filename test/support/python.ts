import { createHash } from "node:crypto";
import { access, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ExecaError, execa } from "execa";
import { UserError } from "../../local/errors.ts";
import { CACHE_DIR, ROOT } from "../../local/paths.ts";
import { withLock } from "../../local/toolchain/lock.ts";

/** Packages come from slow places at times. */
const LIMIT_MS = 30 * 60_000;

/**
 * The `python` of a virtual environment with the packages of `test/python/<name>.txt`, made once for each content of that
 * file and version of Python, and shared by all clones. Call it in a `before` hook with a long timeout.
 * @param name name of the file without its ending, or the path of another one
 * @param options where environments are kept, and what ends an installation early
 * @throws UserError where Python is missing, or a package cannot be installed
 */
export async function pythonEnvironment(
  name: string,
  options: { folder?: string; signal?: AbortSignal } = {},
): Promise<string> {
  const { folder = join(CACHE_DIR, "python") } = options;
  const file = name.includes("/") ? name : join(ROOT, "test", "python", `${name}.txt`);
  const requirements = await readFile(file, "utf8");
  const { command, version } = await findPython();
  const key = createHash("sha256").update(version).update("\0").update(requirements).digest("hex").slice(0, 12);
  const environment = join(folder, `${basename(file, ".txt")}-${key}`);
  const python = join(environment, "bin", "python");
  // A virtual environment holds its own path: it cannot be made elsewhere and renamed, so that a file says when it is whole.
  const complete = join(environment, "complete");
  if (await exists(complete)) return python;
  const signal = AbortSignal.any([AbortSignal.timeout(LIMIT_MS), ...(options.signal ? [options.signal] : [])]);
  await withLock(join(folder, `${basename(environment)}.lock`), { signal }, async () => {
    if (await exists(complete)) return;
    await rm(environment, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await execute(command, ["-m", "venv", environment], signal, "Install Python's venv module (Debian: python3-venv).");
    const install = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--quiet", "--no-deps"];
    await execute(
      python,
      // Without dependencies: the file names all of them, and `pip check` says which one it forgot.
      [...install, "--cache-dir", join(folder, "downloads"), "--requirement", file],
      signal,
      "Is the package index reachable?",
    );
    const forgotten = `Add what is missing to ${file}.`;
    await execute(python, ["-m", "pip", "check", "--disable-pip-version-check"], signal, forgotten);
    await writeFile(complete, requirements);
  });
  return python;
}

/** The interpreter behind `python3`, and its version: environments of one do not run under another. */
async function findPython(): Promise<{ command: string; version: string }> {
  const print = "import sys; print(sys.executable); print(sys.version)";
  const found = await execa("python3", ["-c", print], { reject: false, stdin: "ignore" });
  if (found.failed) {
    throw new UserError("Expected the program python3 for this test (Debian: apt-get install python3 python3-venv).");
  }
  const [command = "python3", ...version] = found.stdout.split("\n");
  return { command, version: `${command} ${version.join(" ")}` };
}

async function execute(command: string, args: string[], cancelSignal: AbortSignal, advice: string): Promise<void> {
  try {
    await execa(command, args, { cancelSignal, stdin: "ignore", all: true });
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    const said = String(error.all ?? error.shortMessage).slice(-2000);
    throw new UserError(`Expected "${[basename(command), ...args].join(" ")}" to succeed. ${advice}\n${said}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

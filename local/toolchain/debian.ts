import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ExecaError, execa } from "execa";
import { UserError } from "../errors.ts";
import { CACHE_DIR } from "../paths.ts";
import { withLock } from "./lock.ts";

/** A Debian package file, verified by apt against the signed index of the archive. */
export interface DebianPackage {
  name: string;
  version: string;
  /** Digest of the package file, in hexadecimal. */
  sha256: string;
  /** The `.deb` file. */
  path: string;
}

/** How packages are chosen and fetched. */
export interface DebianOptions {
  signal: AbortSignal;
  /** Adds everything the packages depend on, down to libc, whatever this machine has installed. Defaults to false. */
  dependencies?: boolean;
  /** Packages to leave out of what `dependencies` finds. Defaults to none. */
  exclude?: readonly string[];
  /** Receives one line for each step. Defaults to nothing. */
  report?: (line: string) => void;
}

/** apt's state of our own: the system's lists, locks and package database are neither used nor changed. */
const APT_DIR = join(CACHE_DIR, "apt");

/** Package lists younger than this are used without asking the archive again, in milliseconds. */
const LISTS_MAX_AGE_MS = 60 * 60_000;

/**
 * Downloads Debian packages into `dir` from the machine's own apt sources, without changing the system. What `dir` holds
 * from an earlier call with the same arguments is returned as it is, without the network. Sorted by name.
 * Throws a UserError when apt is missing, no source answers, or a package is unknown.
 */
export async function fetchDebianPackages(
  names: readonly string[],
  dir: string,
  { signal, dependencies = false, exclude = [], report = () => {} }: DebianOptions,
): Promise<DebianPackage[]> {
  const request = JSON.stringify({ names: [...names].sort(), dependencies, exclude: [...exclude].sort() });
  const found = await readManifest(dir, request);
  if (found !== undefined) return found;
  const onWait = () => report("waiting for another clone that uses apt");
  return withLock(join(APT_DIR, "lock"), { signal, onWait }, async () => {
    const meanwhile = await readManifest(dir, request);
    if (meanwhile !== undefined) return meanwhile;
    await configureApt(signal);
    report("reading the package lists");
    await updateLists(signal);
    const files = (await resolve(names, dependencies, signal)).filter(({ name }) => !exclude.includes(name));
    await mkdir(dir, { recursive: true });
    report(`fetching ${files.length} packages`);
    await apt(["download", ...files.map(({ name, version }) => `${name}=${version}`)], { signal, cwd: dir });
    const packages: DebianPackage[] = [];
    for (const { name, version, file } of files) {
      const path = join(dir, file);
      packages.push({ name, version, sha256: await sha256(path), path });
    }
    packages.sort((a, b) => (a.name < b.name ? -1 : 1));
    await writeManifest(dir, request, packages);
    return packages;
  });
}

/** Unpacks packages into a folder, as `dpkg` would into `/`, but runs none of their scripts. */
export async function extractDebianPackages(
  packages: readonly DebianPackage[],
  root: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const { path } of packages) await execa("dpkg-deb", ["--extract", path, root], { cancelSignal: signal });
}

async function readManifest(dir: string, request: string): Promise<DebianPackage[] | undefined> {
  const text = await readFile(join(dir, "packages.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const manifest = JSON.parse(text) as {
    request: string;
    packages: (Omit<DebianPackage, "path"> & { file: string })[];
  };
  const packages = manifest.packages.map(({ file, ...rest }) => ({ ...rest, path: join(dir, file) }));
  return manifest.request === request && packages.every(({ path }) => existsSync(path)) ? packages : undefined;
}

async function writeManifest(dir: string, request: string, packages: DebianPackage[]): Promise<void> {
  const temporary = join(dir, `packages.json.${process.pid}`);
  const entries = packages.map(({ path, ...rest }) => ({ ...rest, file: path.slice(dir.length + 1) }));
  await writeFile(temporary, JSON.stringify({ request, packages: entries }, undefined, 1));
  await rename(temporary, join(dir, "packages.json"));
}

/**
 * Writes the configuration that replaces the machine's, taking only how it fetches (proxies, timeouts) from there: its
 * hooks would clear the system's own archive folder (docker-clean of Debian's images does).
 */
async function configureApt(signal: AbortSignal): Promise<void> {
  const status = join(APT_DIR, "status");
  for (const folder of ["state/lists/partial", "cache/archives/partial"])
    await mkdir(join(APT_DIR, folder), { recursive: true });
  await writeFile(status, "");
  const acquire = await execa("apt-config", ["dump", "Acquire"], { cancelSignal: signal }).catch((error: unknown) => {
    throw aptError(error, ["dump"]);
  });
  const settings = {
    "Dir::Etc::Main": "/dev/null",
    "Dir::Etc::Parts": "/dev/null",
    "Dir::State": join(APT_DIR, "state"),
    "Dir::State::status": status,
    "Dir::Cache": join(APT_DIR, "cache"),
    "APT::Sandbox::User": "root",
    "APT::Install-Recommends": "false",
    "Acquire::Languages": "none",
    "Acquire::http::Timeout": "15",
    "Acquire::Retries": "3",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
  };
  const own = Object.entries(settings).map(([key, value]) => `${key} "${value}";`);
  await writeFile(join(APT_DIR, "apt.conf"), `${acquire.stdout}\n${own.join("\n")}\n`);
}

async function updateLists(signal: AbortSignal): Promise<void> {
  const stamp = join(APT_DIR, "updated");
  const updated = await stat(stamp).catch(() => undefined);
  if (updated !== undefined && Date.now() - updated.mtimeMs < LISTS_MAX_AGE_MS) return;
  await rm(stamp, { force: true });
  await apt(["update"], { signal });
  await writeFile(stamp, "");
}

/** The packages that apt chooses, by the file names it would give them: `name_version_architecture.deb`. */
async function resolve(names: readonly string[], dependencies: boolean, signal: AbortSignal) {
  const command = dependencies ? ["install", "--yes", "--print-uris"] : ["download", "--print-uris"];
  const output = await apt([...command, ...names], { signal });
  return [...output.matchAll(/^'[^']+' (\S+\.deb) \d+ /gm)].map(([, file = ""]) => {
    const [name = "", version = ""] = file.split("_");
    return { name, version: decodeURIComponent(version), file };
  });
}

async function apt(args: string[], { signal, cwd = APT_DIR }: { signal: AbortSignal; cwd?: string }): Promise<string> {
  const env = { APT_CONFIG: join(APT_DIR, "apt.conf"), LC_ALL: "C" };
  try {
    const { stdout } = await execa("apt-get", ["--quiet=2", ...args], {
      cwd,
      env,
      cancelSignal: signal,
      stdin: "ignore",
    });
    return stdout;
  } catch (error) {
    signal.throwIfAborted();
    throw aptError(error, args);
  }
}

function aptError(error: unknown, args: string[]): unknown {
  if (!(error instanceof ExecaError)) return error;
  if (error.code === "ENOENT") {
    return new UserError(
      "Expected apt-get (a Debian or Ubuntu machine) to fetch the container runtime, but there is none on PATH.",
    );
  }
  const lines = `${error.stderr ?? ""}`.split("\n").filter((line) => line !== "");
  return new UserError(
    `apt-get ${args[0]} failed (exit code ${error.exitCode}):\n${lines.slice(-8).join("\n")}\n` +
      "Expected the machine's own apt sources to answer; check the network and /etc/apt/sources.list, and run the same command again.",
  );
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

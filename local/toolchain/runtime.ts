import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { lstat, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CACHE_DIR } from "../paths.ts";
import type { GetOptions, Tool } from "./cache.ts";
import { extractDebianPackages, fetchDebianPackages } from "./debian.ts";
import { folderBytes } from "./disk.ts";
import { findOrMake } from "./make-folder.ts";
import { RUNTIME_PACKAGES, SYSTEM_PACKAGES } from "./pins.ts";

/** The container runtime and network tools, extracted below a folder of their own. */
export interface Runtime {
  /** Holds usr/bin/containerd, usr/sbin/runc, usr/lib/cni, usr/sbin/iptables, and the libraries they need. */
  dir: string;
  tools: Tool[];
}

interface Manifest {
  packages: { name: string; version: string; sha256: string; bytes: number }[];
  seconds: number;
}

const MANIFEST_FILE = "packages.json";

/** What Debian's update-alternatives links when iptables is installed. */
const ALTERNATIVES = ["iptables", "ip6tables"].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);

/** The container runtime, if it is complete in the cache. */
export async function findRuntime(): Promise<Runtime | undefined> {
  const dir = await runtimeFolder();
  const text = await readFile(join(dir, MANIFEST_FILE), "utf8").catch(() => undefined);
  if (text === undefined || !existsSync(join(dir, "usr", "bin", "containerd"))) return undefined;
  const { packages, seconds } = JSON.parse(text) as Manifest;
  const tools = RUNTIME_PACKAGES.flatMap((name) => packages.filter((entry) => entry.name === name)).map(
    ({ name, version, bytes }, index): Tool => ({
      title: name,
      version,
      source: "Debian package",
      bytes,
      // They are fetched together.
      seconds: index === 0 ? seconds : 0,
      files: {},
    }),
  );
  return { dir, tools };
}

/** Gets the container runtime from Debian's packages. Throws UserErrors. */
export async function getRuntime({ signal, progress = () => {} }: GetOptions): Promise<Runtime> {
  return findOrMake({
    folder: await runtimeFolder(),
    find: findRuntime,
    fill: (root, scratch) => fill(root, join(scratch, "debs"), signal, progress),
    signal,
    progress,
  });
}

/** Fetches the packages into one folder, extracts them below another, and notes there which they are. */
async function fill(root: string, debs: string, signal: AbortSignal, report: (text: string) => void): Promise<void> {
  const started = Date.now();
  const options = { signal, dependencies: true, exclude: SYSTEM_PACKAGES, report };
  const packages = await fetchDebianPackages(RUNTIME_PACKAGES, debs, options);
  const sizes: number[] = [];
  for (const debianPackage of packages) {
    const before = await folderBytes(root);
    await extractDebianPackages([debianPackage], root, signal);
    sizes.push((await folderBytes(root)) - before);
  }
  await linkAlternatives(root);
  const manifest: Manifest = {
    packages: packages.map(({ name, version, sha256 }, index) => ({ name, version, sha256, bytes: sizes[index] ?? 0 })),
    seconds: Math.round((Date.now() - started) / 1000),
  };
  await writeFile(join(root, MANIFEST_FILE), JSON.stringify(manifest));
}

async function linkAlternatives(root: string): Promise<void> {
  for (const name of ALTERNATIVES) {
    const link = join(root, "usr", "sbin", name);
    const exists = await lstat(link).then(
      () => true,
      () => false,
    );
    if (!exists) await symlink("xtables-nft-multi", link);
  }
}

/** Packages of one Debian release do not run on another. */
async function runtimeFolder(): Promise<string> {
  const release =
    /^VERSION_CODENAME=(\w+)/m.exec(await readFile("/etc/os-release", "utf8").catch(() => ""))?.[1] ?? "debian";
  const key = createHash("sha256").update(JSON.stringify([RUNTIME_PACKAGES, SYSTEM_PACKAGES, ALTERNATIVES]));
  return join(CACHE_DIR, "tools", `runtime-${release}-${process.arch}-${key.digest("hex").slice(0, 12)}`);
}

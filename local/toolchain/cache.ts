import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CACHE_DIR } from "../paths.ts";
import { BUILD_FLAGS, build } from "./build.ts";
import { folderBytes, requireFreeSpace } from "./disk.ts";
import { GO_DIR, MODULES_DIR, requireGo } from "./go.ts";
import { findOrMake } from "./make-folder.ts";
import { findOnPath } from "./on-path.ts";
import type { Pin } from "./pins.ts";
import { download, hostAnswers, unpack } from "./release.ts";

/** Where a tool came from. */
export type Source = "PATH" | "official release" | "built from source" | "Debian package";

/** A tool that is ready to run. */
export interface Tool {
  title: string;
  version: string;
  source: Source;
  /** Size of its executables, in bytes. */
  bytes: number;
  /** How long getting it took when it was got, in seconds; 0 for what was there already. */
  seconds: number;
  /** Absolute path of every executable, by name. */
  files: Record<string, string>;
}

/** What stops getting a tool, and what follows it. */
export interface GetOptions {
  signal: AbortSignal;
  /** Receives what is being done now, often. */
  progress?: (text: string) => void;
  /** Room that everything which may still have to be built takes, in GB. Defaults to what this tool takes. */
  buildGb?: number;
}

interface Origin {
  source: Source;
  seconds: number;
  bytes: number;
}

const ORIGIN_FILE = "origin.json";

/** The tool, if it is on PATH at the pinned version or complete in the cache. */
export async function findTool(pin: Pin, signal: AbortSignal): Promise<Tool | undefined> {
  const onPath = await findOnPath(pin, signal);
  if (onPath !== undefined)
    return describe(pin, onPath, { source: "PATH", seconds: 0, bytes: await totalSize(onPath) });
  const folder = await toolFolder(pin);
  const text = await readFile(join(folder, ORIGIN_FILE), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const files = Object.fromEntries(pin.executables.map((name) => [name, join(folder, name)]));
  // Someone may have deleted part of the cache: it says of itself that this is safe.
  if (!Object.values(files).every((file) => existsSync(file))) return undefined;
  return describe(pin, files, JSON.parse(text) as Origin);
}

/**
 * Gets a tool: from PATH or the cache, else from its official release, else by building it. Two processes that want the
 * same tool get it once. A folder of the cache appears complete or not at all. Throws UserErrors.
 */
export async function getTool(
  pin: Pin,
  { signal, progress = () => {}, buildGb = pin.buildGb }: GetOptions,
): Promise<Tool> {
  return findOrMake({
    folder: await toolFolder(pin),
    find: () => findTool(pin, signal),
    fill: async (into, scratch) => {
      const started = Date.now();
      const source = await fill(pin, { into, scratch, signal, progress, buildGb });
      const files = Object.fromEntries(pin.executables.map((name) => [name, join(into, name)]));
      const seconds = Math.round((Date.now() - started) / 1000);
      const origin: Origin = { source, seconds, bytes: await totalSize(files) };
      await writeFile(join(into, ORIGIN_FILE), JSON.stringify(origin));
    },
    signal,
    progress,
  });
}

interface FillOptions extends Required<GetOptions> {
  into: string;
  scratch: string;
}

async function fill(pin: Pin, { into, scratch, signal, progress, buildGb }: FillOptions): Promise<Source> {
  const release = pin.releases?.[process.arch];
  if (release !== undefined && (await hostAnswers(release))) {
    const archive = await download(release, join(CACHE_DIR, "downloads"), signal, (bytes, total) =>
      progress(`downloading ${megabytes(bytes)}${total === undefined ? "" : ` of ${megabytes(total)}`}`),
    );
    progress("unpacking");
    await unpack(archive, pin, release, into, signal);
    await rm(archive);
    return "official release";
  }
  await requireGo(pin, signal);
  await requireFreeSpace(CACHE_DIR, buildGb, "to build the toolchain", goCacheGb);
  await build(pin, {
    into,
    scratch,
    signal,
    progress: (packages, line) =>
      progress(line.startsWith("go: downloading ") ? line.slice("go: ".length) : `compiled ${packages} packages`),
  });
  return "built from source";
}

/** What Go's caches hold counts as room that the build need not find: an interrupted build goes on with it. */
async function goCacheGb(): Promise<number> {
  const bytes = await Promise.all(["mod", "build"].map((name) => folderBytes(join(GO_DIR, name))));
  return bytes.reduce((sum, part) => sum + part, 0) / 1e9;
}

/** The folder of a tool in the cache; its name changes with everything that decides what lies in it. */
async function toolFolder(pin: Pin): Promise<string> {
  const hash = createHash("sha256");
  const { executables, packages, variables, embeds, releases } = pin;
  hash.update(
    JSON.stringify([executables, packages, variables, embeds, releases?.[process.arch], BUILD_FLAGS, process.arch]),
  );
  const module = join(MODULES_DIR, pin.id);
  const files = (await readdir(module)).filter((name) => /^go\.(mod|sum)$|\.go$/.test(name)).sort();
  for (const name of files) hash.update(`\n${name}\n`).update(await readFile(join(module, name)));
  return join(CACHE_DIR, "tools", `${pin.id}-${pin.version}-${hash.digest("hex").slice(0, 12)}`);
}

function describe({ title, version }: Pin, files: Record<string, string>, origin: Origin): Tool {
  return { title, version, files, ...origin };
}

async function totalSize(files: Record<string, string>): Promise<number> {
  const sizes = await Promise.all(Object.values(files).map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

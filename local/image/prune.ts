/**
 * Removes from an installed node_modules what the image does not need. The Dockerfile runs this file as a program
 * (`node prune.ts NODE_MODULES`), so it imports nothing of the repository.
 */
import type { Dirent } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";

/** Folders at the top of a package that hold no code that runs. */
const IDLE_FOLDERS: ReadonlySet<string> = new Set(
  ".github bench benchmark benchmarks coverage doc docs example examples test tests __tests__".split(" "),
);

/** Sources and documentation. Node refuses to run TypeScript below node_modules, so every kind of `.ts` file is idle. */
const IDLE_FILE = /\.(?:[cm]?ts|map|md|markdown|cc|h|gypi?)$/i;

/** Licence texts stay, whatever their ending. */
const LICENCE = /^(?:licen[cs]e|notice|copying|authors)/i;

/** Execution providers of ONNX Runtime for NVIDIA GPUs, hundreds of megabytes that its install script may have fetched. */
const GPU_PROVIDER = /^libonnxruntime_providers_(?:cuda|tensorrt|shared)\b/;

/**
 * Second builds of the AWS SDK's packages, for bundlers: the client's main file, the only one that the service imports, is a
 * CommonJS module, and reaches the others by `require`.
 */
const AWS_MODULES = /@(?:aws|aws-sdk|smithy)\/[^/]+\/dist-es$/;

/** Second and third builds of OpenTelemetry's packages, for bundlers, beside the CommonJS one in `build/src`. */
const OPENTELEMETRY_MODULES = /@opentelemetry\/[^/]+\/build\/(?:esm|esnext)$/;

/** The top folder of a package, as a path in node_modules: `name`, `@scope/name`, or one of these nested below another. */
const PACKAGE = /^(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^@/.][^/]*$/;

/** A folder of ONNX Runtime's native code. */
const ONNXRUNTIME_BINARY = /onnxruntime-node\/bin\/napi-v\d+\/(?<platform>\w+)(?:\/(?<architecture>\w+))?$/;

/** A package of sharp's native code. */
const SHARP_BINARY = /@img\/sharp-(?:libvips-)?(?<target>[a-z0-9]+(?:-[a-z0-9]+)?)$/;

/**
 * Prunes `nodeModules` in place for Linux with glibc on `architecture` (as in `process.arch`): other platforms' binaries,
 * GPU providers, tests, documentation, sources, type declarations, source maps, npm's links and its own records.
 */
export async function prune(nodeModules: string, architecture: string): Promise<void> {
  for (const entry of await readdir(nodeModules, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    // The entries of a folder that is gone are still on the list; `force` passes over them.
    if (isIdle(relative(nodeModules, path), entry, architecture)) await rm(path, { recursive: true, force: true });
  }
  await removeEmptyFolders(nodeModules);
}

function isIdle(path: string, entry: Dirent, architecture: string): boolean {
  const name = basename(path);
  // npm links commands into .bin and workspaces into their scope; the image starts nothing through them.
  if (entry.isSymbolicLink() || path === ".bin" || path === ".package-lock.json") return true;
  if (entry.isFile()) return GPU_PROVIDER.test(name) || (IDLE_FILE.test(name) && !LICENCE.test(name));
  if (IDLE_FOLDERS.has(name) && PACKAGE.test(dirname(path))) return true;
  if (AWS_MODULES.test(path) || OPENTELEMETRY_MODULES.test(path)) return true;
  const onnxruntime = ONNXRUNTIME_BINARY.exec(path)?.groups;
  if (onnxruntime !== undefined) {
    return onnxruntime.platform !== "linux" || (onnxruntime.architecture ?? architecture) !== architecture;
  }
  const sharp = SHARP_BINARY.exec(path)?.groups;
  return sharp !== undefined && sharp.target !== `linux-${architecture}`;
}

async function removeEmptyFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeEmptyFolders(join(folder, entry.name));
  }
  if ((await readdir(folder)).length === 0) await rm(folder, { recursive: true });
}

if (import.meta.main) await prune(process.argv[2] ?? "node_modules", process.arch);

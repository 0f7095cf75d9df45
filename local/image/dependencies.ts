import { copyFile, cp, mkdir, readFile, rename } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { ExecaError, execa } from "execa";
import { CONTAINER } from "../../service/contract.ts";
import { UserError } from "../errors.ts";
import { ROOT } from "../paths.ts";
import { prune } from "./prune.ts";
import { type Blob, layer, type Store, sha256OfFile, temporaryFolder } from "./store.ts";

/** Where Node lies in the image. */
export const NODE_PATH = "/usr/local/bin/node";

/** What decides which packages npm installs, and how. */
const MANIFESTS = ["package.json", "package-lock.json", ".npmrc", "service/package.json"];

/** The layer of the pinned Node: the very file that runs this program's own tools. */
export async function nodeLayer(store: Store): Promise<Blob> {
  const source = join(ROOT, "node_modules", `node-linux-${process.arch}`);
  const manifest = await readFile(join(source, "package.json"), "utf8").catch(() => {
    throw new UserError(
      `Expected the npm package node-linux-${process.arch} for the image but it is not installed. The image can be built on ` +
        "Linux on x64 and arm64 only; there, delete node_modules and run the same command again.",
    );
  });
  return layer(store, "node", [manifest, await sha256OfFile(import.meta.filename)], async (root) => {
    const target = join(root, NODE_PATH);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(source, "bin", "node"), target);
    const documents = join(root, "usr/local/share/doc/node");
    await mkdir(documents, { recursive: true });
    await copyFile(join(source, "LICENSE"), join(documents, "LICENSE"));
  });
}

/**
 * The layer of the service's production dependencies, as the lockfile of the clone at `root` pins them, pruned by the
 * script that the Dockerfile runs too. Throws a UserError when npm cannot install them.
 */
export async function dependenciesLayer(store: Store, root: string, report: (line: string) => void): Promise<Blob> {
  const sources = [
    ...MANIFESTS.map((path) => join(root, path)),
    join(import.meta.dirname, "prune.ts"),
    import.meta.filename,
  ];
  const inputs = [process.arch, ...(await Promise.all(sources.map(sha256OfFile)))];
  return layer(store, "dependencies", inputs, async (target) => {
    report("installing the service's production dependencies");
    await using staging = await temporaryFolder(store);
    for (const path of MANIFESTS) await cp(join(root, path), join(staging.path, path));
    await install(staging.path, store.signal);
    const nodeModules = join(target, CONTAINER.appDir, "node_modules");
    await mkdir(dirname(nodeModules), { recursive: true });
    await rename(join(staging.path, "node_modules"), nodeModules);
    await prune(nodeModules, process.arch);
  });
}

async function install(folder: string, signal: AbortSignal): Promise<void> {
  const quiet = ["--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];
  // npm belongs to the Node that it was installed with, and the pinned one, first on our PATH, may be too new for it.
  const path = `${process.env.PATH}`.split(delimiter).filter((dir) => !dir.startsWith(join(ROOT, "node_modules")));
  try {
    await execa("npm", ["ci", "--workspace=service", "--omit=dev", "--ignore-scripts", ...quiet], {
      cwd: folder,
      env: { PATH: path.join(delimiter) },
      stdin: "ignore",
      cancelSignal: signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ExecaError)) throw error;
    if (error.code === "ENOENT") {
      throw new UserError("Expected npm on PATH to build the image but there is none. Install it and try again.");
    }
    const lines = `${error.stderr}`.trim().split("\n").slice(-8).join("\n");
    throw new UserError(
      `npm could not install the service's production dependencies (exit code ${error.exitCode}):\n${lines}\n` +
        "Expected the package registry of your npm settings to answer; mend that and run the same command again.",
      { cause: error },
    );
  }
}

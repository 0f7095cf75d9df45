import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** What a package.json says, as far as it matters here. */
export interface Manifest {
  name?: string;
  version?: string;
  main?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  pulumi?: { resource?: boolean; name?: string; version?: string; server?: string };
}

/** A provider plugin that a package of a program needs. */
export interface RequiredPlugin {
  name: string;
  version: string;
  /** Where the plugin is downloaded from; empty for Pulumi's own place. */
  server: string;
}

/** A dependency of a program, as installed. */
export interface Dependency {
  name: string;
  version: string;
}

/** The provider plugins that the packages installed for a program need, by the `pulumi` section of their package.json. */
export async function requiredPlugins(programDirectory: string): Promise<RequiredPlugin[]> {
  const plugins = new Map<string, RequiredPlugin>();
  for (const folder of await packageFolders(programDirectory)) {
    const manifest = await readManifest(folder);
    if (manifest?.pulumi?.resource !== true) continue;
    const version = manifest.pulumi.version ?? manifest.version ?? "";
    const name = manifest.pulumi.name ?? manifest.name?.replace(/^@pulumi\//, "");
    if (name === undefined) continue;
    const plugin = { name, version: version.replace(/^v/, ""), server: manifest.pulumi.server ?? "" };
    plugins.set(`${plugin.name} ${plugin.version}`, plugin);
  }
  return [...plugins.values()];
}

/** The dependencies that a program names in its package.json, or all that are installed for it, with their versions. */
export async function programDependencies(programDirectory: string, transitive: boolean): Promise<Dependency[]> {
  const folders = await packageFolders(programDirectory);
  const installed = new Map<string, string>();
  for (const folder of folders) {
    const manifest = await readManifest(folder);
    if (manifest?.name !== undefined && manifest.version !== undefined && !installed.has(manifest.name)) {
      installed.set(manifest.name, manifest.version);
    }
  }
  const own = await readManifest(programDirectory);
  const names = transitive ? [...installed.keys()] : Object.keys({ ...own?.dependencies, ...own?.devDependencies });
  return names.sort().map((name) => ({ name, version: installed.get(name) ?? "" }));
}

/** Every package in a node_modules that a program in this folder can import from. */
async function packageFolders(directory: string): Promise<string[]> {
  const modules = join(directory, "node_modules");
  const names = await readdir(modules).catch(() => []);
  const folders: string[] = [];
  for (const name of names) {
    if (name.startsWith(".")) continue;
    const scope = name.startsWith("@") ? await readdir(join(modules, name)) : undefined;
    folders.push(...(scope?.map((inner) => join(modules, name, inner)) ?? [join(modules, name)]));
  }
  const parent = dirname(directory);
  return parent === directory ? folders : [...folders, ...(await packageFolders(parent))];
}

/** Reads the package.json of a folder; undefined where there is none. */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const text = await readFile(join(folder, "package.json"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Manifest);
}

import { constants, existsSync } from "node:fs";
import {
  chmod,
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { ROOT, STATE_DIR } from "../paths.ts";
import type { Tool } from "./cache.ts";
import { PROVIDER_PLUGIN } from "./pins.ts";

/** The host that Pulumi starts Node programs with, in a Pulumi that was built here: releases bring their own. */
const LANGUAGE_HOST = "pulumi-language-nodejs";

/**
 * Lays out this clone's folder of executables, changing only what differs. Pulumi is no symbolic link in it: it looks for
 * its language host beside the real path of its own executable.
 */
export async function layOutBin(tools: readonly Tool[], binDir = join(STATE_DIR, "bin")): Promise<string> {
  await mkdir(binDir, { recursive: true });
  const wanted = new Set<string>();
  for (const { files, source } of tools) {
    for (const [name, path] of Object.entries(files)) {
      if (name === PROVIDER_PLUGIN.executable) continue;
      const builtPulumi = name === "pulumi" && source === "built from source";
      await (builtPulumi ? placeFile(path, join(binDir, name)) : placeLink(path, join(binDir, name)));
      wanted.add(name);
      if (name !== "pulumi") continue;
      const host = join(binDir, LANGUAGE_HOST);
      const shipped = join(dirname(await realpath(path)), LANGUAGE_HOST);
      await (existsSync(shipped) ? placeLink(shipped, host) : placeScript(languageHostScript(), host));
      wanted.add(LANGUAGE_HOST);
    }
  }
  for (const name of await readdir(binDir)) {
    // A name that ends in a process id is being made by another process.
    if (!wanted.has(name) && !/\.\d+$/.test(name)) await rm(join(binDir, name), { recursive: true });
  }
  return binDir;
}

/** Lays out this clone's folder of plugins in Pulumi's layout, to be linked into its PULUMI_HOME as `plugins`. */
export async function layOutPlugins(tools: readonly Tool[], pluginDir = join(STATE_DIR, "plugins")): Promise<string> {
  const folder = join(pluginDir, PROVIDER_PLUGIN.folder);
  await mkdir(folder, { recursive: true });
  for (const { files } of tools) {
    const plugin = files[PROVIDER_PLUGIN.executable];
    if (plugin !== undefined) await placeLink(plugin, join(folder, PROVIDER_PLUGIN.executable));
  }
  return pluginDir;
}

function languageHostScript(): string {
  const main = join(ROOT, "local", "language-host", "main.ts");
  return `#!/bin/sh\nexec ${shellQuote(process.execPath)} ${shellQuote(main)} "$@"\n`;
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function placeLink(target: string, path: string): Promise<void> {
  const current = await readlink(path).catch(() => undefined);
  if (current !== target) await replace(path, (temporary) => symlink(target, temporary));
}

async function placeScript(text: string, path: string): Promise<void> {
  const current = await readFile(path, "utf8").catch(() => undefined);
  if (current === text) return;
  await replace(path, async (temporary) => {
    await writeFile(temporary, text);
    await chmod(temporary, 0o755);
  });
}

/** Makes a hard link, or a copy where the cache lies on another file system. */
async function placeFile(source: string, path: string): Promise<void> {
  const [from, to] = await Promise.all([stat(source), stat(path).catch(() => undefined)]);
  if (to !== undefined && from.size === to.size && Math.abs(from.mtimeMs - to.mtimeMs) < 1) return;
  await replace(path, async (temporary) => {
    try {
      await link(source, temporary);
    } catch {
      await copyFile(source, temporary, constants.COPYFILE_FICLONE);
      await utimes(temporary, from.atime, from.mtime);
    }
  });
}

async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await rm(temporary, { force: true });
  await make(temporary);
  await rename(temporary, path);
}

import { constants } from "node:fs";
import { access, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import { CACHE_DIR, STATE_DIR } from "../paths.ts";
import type { Pin } from "./pins.ts";

const VERSION_TIMEOUT_MS = 10_000;

/**
 * Finds a pin's executables on PATH, by name, if every one is there and has the pinned version; otherwise undefined.
 * What an executable answered is remembered by its file, so that only a changed one is asked again.
 */
export async function findOnPath(
  pin: Pin,
  signal: AbortSignal,
  cacheDir = CACHE_DIR,
): Promise<Record<string, string> | undefined> {
  const found: Record<string, string> = {};
  for (const name of pin.executables) {
    if (pin.versionArgs[name] === undefined) return undefined;
    const path = await which(name, cacheDir);
    if (path === undefined) return undefined;
    found[name] = path;
  }
  for (const [name, path] of Object.entries(found)) {
    const answer = await askVersion(path, pin.versionArgs[name] ?? [], cacheDir, signal);
    if (!mentionsVersion(answer, pin.version)) return undefined;
  }
  return found;
}

/** Whether a program's answer names exactly this version: `v1.2.3` counts for 1.2.3, `1.2.30` and `1.2.3-beta` do not. */
export function mentionsVersion(answer: string, version: string): boolean {
  return new RegExp(`(?<![\\d.])${version.replaceAll(".", "\\.")}(?![\\w.+-])`).test(answer);
}

async function which(name: string, cacheDir: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (folder === "" || [STATE_DIR, cacheDir].some((own) => `${folder}/`.startsWith(`${own}/`))) continue;
    const path = join(folder, name);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}

async function askVersion(
  path: string,
  args: readonly string[],
  cacheDir: string,
  signal: AbortSignal,
): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const key = `${path} ${size} ${mtimeMs}`;
  const file = join(cacheDir, "path-versions.json");
  const known = JSON.parse(await readFile(file, "utf8").catch(() => "{}")) as Record<string, string>;
  if (known[key] !== undefined) return known[key];
  // Pulumi writes a log below its home whatever it is asked: not below the user's.
  const env = { PULUMI_SKIP_UPDATE_CHECK: "1", PULUMI_HOME: join(cacheDir, "pulumi-version") };
  const options = { env, stdin: "ignore", reject: false, timeout: VERSION_TIMEOUT_MS, cancelSignal: signal } as const;
  const { stdout } = await execa(path, args, options);
  signal.throwIfAborted();
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.${process.pid}`, JSON.stringify({ ...known, [key]: stdout }));
  await rename(`${file}.${process.pid}`, file);
  return stdout;
}

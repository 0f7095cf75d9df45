import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Source } from "./sources.ts";
import { UsageError } from "./usage.ts";

/**
 * Decides where each drawn photo is written: as its name below the folder, ending in `.jpg`; a second one of the same name
 * gets a number.
 * @throws UsageError when one would be written over a photo that was given
 */
export function planOutput(folder: string, sources: readonly Source[]): Map<Source, string> {
  const given = new Set(
    sources
      .map(({ path }) => path)
      .filter((path) => path !== undefined)
      .map((path) => resolve(path)),
  );
  const taken = new Set<string>();
  const plan = new Map<Source, string>();
  for (const source of sources) {
    // The ending of another format stays, so that street.png and street.jpg do not meet.
    const stem = join(folder, source.target.replace(/\.jpe?g$/i, ""));
    let path = `${stem}.jpg`;
    for (let number = 2; taken.has(path); number++) path = `${stem}-${number}.jpg`;
    if (given.has(path)) {
      throw new UsageError(
        `Expected another folder for --output: ${path} is one of the photos and would be written over.`,
      );
    }
    taken.add(path);
    plan.set(source, path);
  }
  return plan;
}

/** Writes a file whole or not at all, with the folders above it. */
export async function writeWhole(path: string, content: Uint8Array): Promise<void> {
  const unfinished = `${path}.${process.pid}.part`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(unfinished, content);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

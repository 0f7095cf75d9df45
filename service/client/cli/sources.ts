import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { addAbortSignal } from "node:stream";
import { buffer } from "node:stream/consumers";
import { UsageError } from "./usage.ts";

/** Ends of the names of files that are taken out of folders; a file that is named itself may end in anything. */
const IMAGE_NAME = /\.(jpe?g|png|webp|avif|tiff?|gif)$/i;

/** A photo that was asked for. */
export interface Source {
  /** As messages name it: the path as it was given, or `-`. */
  name: string;
  /** Path of the drawn photo below the folder for output, without its new ending. */
  target: string;
  /** Where it is; missing for standard input. */
  path?: string;
  read(signal: AbortSignal): Promise<Uint8Array>;
}

/** Something on the command line that stands for no photo. */
export interface Missing {
  name: string;
  problem: string;
}

/** What the arguments stand for, in their order; a folder stands for its images and those below it, by name. */
export async function findPhotos(
  photos: readonly string[],
  folder: string,
): Promise<{ found: (Source | Missing)[]; folders: number }> {
  const found: (Source | Missing)[] = [];
  let folders = 0;
  for (const name of photos) {
    if (name === "-") {
      found.push({ name, target: "stdin", read: readInput });
      continue;
    }
    try {
      const path = resolve(folder, name);
      if (!(await stat(path)).isDirectory()) {
        found.push(fileSource(name, path, basename(path)));
        continue;
      }
      folders++;
      const inside = await imagesBelow(path);
      if (inside.length === 0) found.push({ name, problem: "Expected images in this folder but there are none." });
      for (const image of inside)
        found.push(fileSource(join(name, relative(path, image)), image, relative(path, image)));
    } catch (error) {
      found.push({ name, problem: problemOf(error) });
    }
  }
  return { found, folders };
}

async function readInput(signal: AbortSignal): Promise<Uint8Array> {
  if (process.stdin.isTTY) throw new UsageError("Expected an image on standard input but it is a terminal.");
  return buffer(addAbortSignal(signal, process.stdin));
}

function fileSource(name: string, path: string, target: string): Source {
  return { name, target, path, read: (signal) => readFile(path, { signal }) };
}

/** Hidden files and folders are left out, and so are links to folders, which may lead in a circle. */
async function imagesBelow(folder: string): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !name.startsWith("."));
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await imagesBelow(path)));
    else if (IMAGE_NAME.test(entry.name) && (await isFile(entry, path))) found.push(path);
  }
  return found;
}

async function isFile(entry: Dirent, path: string): Promise<boolean> {
  if (entry.isFile()) return true;
  if (!entry.isSymbolicLink()) return false;
  // A link that leads nowhere is kept, so that reading it says so.
  return stat(path).then(
    (target) => target.isFile(),
    () => true,
  );
}

/** What a failure to read or write a file means, without its path, which stands before it. */
export function problemOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const problems: Readonly<Record<string, string>> = {
    ENOENT: "Expected a file or folder but there is none.",
    EACCES: "Expected to be allowed to read it.",
    EISDIR: "Expected a file but it is a folder.",
    ENOTDIR: "Expected a folder on the way to it but there is a file.",
    ELOOP: "Expected a file but its links lead in a circle.",
  };
  return problems[code] ?? (error instanceof Error ? error.message : String(error));
}

import { readdir, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";

/**
 * Throws a UserError when the file system that holds `folder` has fewer than `neededGb` GB (10^9 bytes) free, less what is
 * there already; that is only counted when it decides. Defaults to nothing.
 */
export async function requireFreeSpace(
  folder: string,
  neededGb: number,
  purpose: string,
  presentGb: () => Promise<number> = () => Promise.resolve(0),
): Promise<void> {
  const { bavail, bsize } = await statfs(await nearest(folder));
  const freeGb = (bavail * bsize) / 1e9;
  if (freeGb >= neededGb) return;
  const missingGb = neededGb - (await presentGb());
  if (freeGb >= missingGb) return;
  throw new UserError(
    `Expected ${missingGb.toFixed(1)} GB free at ${folder} ${purpose}, but there are ${freeGb.toFixed(1)} GB.\n` +
      "Make room, or set YOLO_CACHE to a folder on a larger disk, and run the same command again.",
  );
}

/** Turns a full disk into a UserError that says where; any other error is returned as it is. */
export function explainFullDisk(error: unknown, folder: string): unknown {
  const text = error instanceof Error ? `${error.message}\n${"stderr" in error ? error.stderr : ""}` : "";
  if (!/ENOSPC|no space left on device/i.test(text)) return error;
  return new UserError(
    `The disk that holds ${folder} became full. Make room, or set YOLO_CACHE to a folder on a larger disk, and run the ` +
      "same command again: what is complete is kept.",
    { cause: error },
  );
}

/** Size of everything below a folder, in bytes; links count as nothing, and a missing folder as 0. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}

async function nearest(folder: string): Promise<string> {
  const exists = await stat(folder).then(
    () => true,
    () => false,
  );
  return exists ? folder : nearest(dirname(folder));
}

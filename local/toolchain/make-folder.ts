import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { CACHE_DIR } from "../paths.ts";
import { explainFullDisk } from "./disk.ts";
import { withLock } from "./lock.ts";

/** How a folder of the cache is found, and filled where it is missing. */
export interface FolderMaker<Found> {
  /** Absolute path of the folder. */
  folder: string;
  /** What is in the folder, when it is complete. */
  find: () => Promise<Found | undefined>;
  /** Fills `into`, an empty folder; `scratch` is another one, for what is needed meanwhile. */
  fill: (into: string, scratch: string) => Promise<void>;
  signal: AbortSignal;
  progress: (text: string) => void;
}

/**
 * Finds a folder of the cache, or makes it. It appears complete or not at all, and two processes that want the same one make
 * it once. Throws what `fill` throws, a full disk explained.
 */
export async function findOrMake<Found>(maker: FolderMaker<Found>): Promise<Found> {
  const { folder, find, fill, signal, progress } = maker;
  const found = await find();
  if (found !== undefined) return found;
  const onWait = () => progress("waiting for another clone that is getting it");
  return withLock(`${folder}.lock`, { signal, onWait }, async () => {
    const meanwhile = await find();
    if (meanwhile !== undefined) return meanwhile;
    const staging = `${folder}.partial`;
    const [into, scratch] = [join(staging, "made"), join(staging, "scratch")];
    await rm(staging, { recursive: true, force: true });
    try {
      for (const path of [into, scratch]) await mkdir(path, { recursive: true });
      await fill(into, scratch);
      await rm(folder, { recursive: true, force: true });
      await rename(into, folder);
    } catch (error) {
      throw explainFullDisk(error, CACHE_DIR);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
    const made = await find();
    if (made === undefined) {
      throw new UserError(`Expected ${folder} to be complete, but part of it is missing. Run the same command again.`);
    }
    return made;
  });
}

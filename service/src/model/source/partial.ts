import { createHash, type Hash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "../../errors.ts";
import { SourceProblem } from "./remote.ts";

/** A partial file that nobody wrote to for so long has lost its process: no pause between attempts is as long. */
const ABANDONED_MS = 5 * 60_000;
/** Partial files of other models are given more time, for the case that somebody sets the old release again. */
const FORGOTTEN_MS = 24 * 3_600_000;

/** File names have 255 bytes at most. */
const LONGEST_TAG = 120;

const NAME = /^(?<sha256>[0-9a-f]{64})\.(?<tag>[A-Za-z0-9_-]*)\.[0-9a-f]{12}\.partial$/;

/**
 * A file that is being downloaded: `<sha256>.<entity tag in base64url>.<random>.partial`, beside where the whole one goes.
 *
 * Only the process that made a partial file writes to it, so that several pods may share the folder without locks: who
 * finds one left over, or one that another pod is still writing, copies it and goes on in the copy. Removing one that is in
 * use costs its writer an attempt and nothing else.
 */
export class PartialFile {
  bytes = 0;
  /** Strong entity tag of what it is a part of; without one it cannot be continued. */
  readonly etag: string | undefined;
  readonly #path: string;
  readonly #folder: string;
  readonly #file: FileHandle;
  #hash: Hash = createHash("sha256");

  private constructor(folder: string, path: string, file: FileHandle, etag: string | undefined) {
    this.#folder = folder;
    this.#path = path;
    this.#file = file;
    this.etag = etag;
  }

  /** An empty one. Makes the folder where it is missing. */
  static async create(folder: string, sha256: string, etag: string | undefined): Promise<PartialFile> {
    const kept = etag !== undefined && etag.length <= LONGEST_TAG ? etag : undefined;
    const tag = Buffer.from(kept ?? "").toString("base64url");
    const path = join(folder, `${sha256}.${tag}.${randomBytes(6).toString("hex")}.partial`);
    return inCache(folder, async () => {
      await mkdir(folder, { recursive: true });
      return new PartialFile(folder, path, await open(path, "wx", 0o644), kept);
    });
  }

  /** A copy of the longest one that can be continued, with its digest so far; nothing where there is none. */
  static async continue(folder: string, sha256: string): Promise<PartialFile | undefined> {
    const found = await inCache(folder, () => partialFiles(folder));
    const usable = found.filter((file) => file.sha256 === sha256 && file.etag !== undefined && file.size > 0);
    const longest = usable.sort((a, b) => b.size - a.size)[0];
    const copy = longest && (await PartialFile.create(folder, sha256, longest.etag));
    if (copy !== undefined) {
      try {
        for await (const chunk of createReadStream(longest?.path ?? "", { highWaterMark: 1 << 20 })) {
          await copy.append(chunk);
        }
      } catch (error) {
        await copy.discard();
        // Its writer has finished it, or somebody else has removed it, in this very moment.
        if (codeOf(error) !== "ENOENT") throw error;
        return undefined;
      }
    }
    for (const { path, sha256: other, age } of found) {
      if (age > (other === sha256 ? ABANDONED_MS : FORGOTTEN_MS)) await rm(path, { force: true });
    }
    return copy;
  }

  async append(chunk: Buffer): Promise<void> {
    await inCache(this.#folder, () => this.#file.appendFile(chunk));
    this.#hash.update(chunk);
    this.bytes += chunk.length;
  }

  /** SHA-256 of what is there. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Leaves it to whoever continues it. */
  async close(): Promise<void> {
    await this.#file.close();
    if (this.etag === undefined || this.bytes === 0) await rm(this.#path, { force: true });
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }

  /** Puts it, complete, in its place in one step, and removes what others have of the same file. */
  async finish(path: string, sha256: string): Promise<void> {
    await inCache(this.#folder, () => this.#file.sync());
    await this.#file.close();
    await inCache(this.#folder, () => rename(this.#path, path)).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
      throw new SourceProblem("its partial file was removed", { passing: true });
    });
    for (const file of await partialFiles(this.#folder)) {
      if (file.sha256 === sha256) await rm(file.path, { force: true });
    }
  }
}

/** SHA-256 of a file in the cache, or nothing when there is none. */
export async function digestOfFile(folder: string, path: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw explain(error, folder);
  }
  return hash.digest("hex");
}

interface Found {
  path: string;
  sha256: string;
  etag: string | undefined;
  size: number;
  /** Milliseconds since something was written to it. */
  age: number;
}

async function partialFiles(folder: string): Promise<Found[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
  const found: Found[] = [];
  for (const name of names) {
    const { sha256, tag = "" } = NAME.exec(name)?.groups ?? {};
    const path = join(folder, name);
    // One may be gone by now.
    const status = sha256 === undefined ? undefined : await stat(path).catch(() => undefined);
    if (sha256 === undefined || status === undefined) continue;
    const etag = tag === "" ? undefined : Buffer.from(tag, "base64url").toString();
    found.push({ path, sha256, etag, size: status.size, age: Date.now() - status.mtimeMs });
  }
  return found;
}

async function inCache<T>(folder: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explain(error, folder);
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  EROFS: "it is read-only. Mount the volume writable, or set MODEL_CACHE_DIR to a folder that is",
  EACCES: "this user may not write there. Give it the right, or set MODEL_CACHE_DIR to another folder",
  EPERM: "this user may not write there. Give it the right, or set MODEL_CACHE_DIR to another folder",
  ENOTDIR: "it is no folder. Set MODEL_CACHE_DIR to one",
  EEXIST: "it is no folder. Set MODEL_CACHE_DIR to one",
  ENOSPC:
    "no space is left. Free some, or make the volume larger; while several pods start, each needs room for the model",
  EDQUOT: "the quota is used up. Free some space, or make the volume larger",
};

function explain(error: unknown, folder: string): unknown {
  const code = codeOf(error);
  // A missing file has a meaning of its own for those who asked for it.
  if (code === undefined || code === "ENOENT") return error;
  const advice = ADVICE[code] ?? `reading or writing there failed (${code}). Is the volume in order?`;
  const reason = advice.endsWith("?") ? advice : `${advice}.`;
  return new StartError(`Expected to keep downloaded models in ${folder} (MODEL_CACHE_DIR), but ${reason}`, {
    cause: error,
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

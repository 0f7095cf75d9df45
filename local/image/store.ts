import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import {
  chmod,
  lstat,
  mkdir,
  mkdtempDisposable,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { explainFullDisk } from "../toolchain/disk.ts";
import { type LockOptions, withLock } from "../toolchain/lock.ts";

/** A file of an image, as an OCI descriptor without its media type. */
export interface Blob {
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string;
  /** Bytes. */
  size: number;
}

/**
 * A folder of blobs by digest, with layers found again by the digest of what went into them. All clones of a user share
 * it; a blob appears under its name only once it is whole.
 */
export interface Store {
  dir: string;
  signal: AbortSignal;
}

/**
 * Runs `action` on the store in `dir`, which no other process changes meanwhile; what a killed one left half-done goes.
 * Throws a UserError when the disk is full.
 */
export async function withStore<T>(
  dir: string,
  options: LockOptions,
  action: (store: Store) => Promise<T>,
): Promise<T> {
  return withLock(join(dir, "lock"), options, async () => {
    await rm(join(dir, "tmp"), { recursive: true, force: true });
    for (const folder of ["tmp", "layers", "blobs/sha256"]) await mkdir(join(dir, folder), { recursive: true });
    return action({ dir, signal: options.signal });
  }).catch((error: unknown) => {
    throw explainFullDisk(error, dir);
  });
}

/** A new empty folder in the store that is removed when its owner's scope ends. */
export async function temporaryFolder(store: Store): Promise<{ path: string } & AsyncDisposable> {
  return mkdtempDisposable(join(store.dir, "tmp", "work-"));
}

/** Path of a blob of the store. */
export function blobPath(store: Store, { digest }: Pick<Blob, "digest">): string {
  return join(store.dir, "blobs", "sha256", digest.replace("sha256:", ""));
}

/** Adds a small blob. */
export async function addBlob(store: Store, content: string): Promise<Blob> {
  const blob = { digest: `sha256:${sha256(content)}`, size: Buffer.byteLength(content) };
  const temporary = join(store.dir, "tmp", sha256(content));
  await writeFile(temporary, content);
  await rename(temporary, blobPath(store, blob));
  return blob;
}

/**
 * The layer `name` made from `inputs`: the one the store holds, else a tar of what `fill` puts into an empty folder. The
 * inputs must name everything that the content depends on; equal content gives an equal digest, whatever the machine.
 */
export async function layer(
  store: Store,
  name: string,
  inputs: unknown,
  fill: (root: string) => Promise<void>,
): Promise<Blob> {
  const record = join(store.dir, "layers", `${name}-${sha256(JSON.stringify(inputs))}.json`);
  if (existsSync(record)) {
    const found = JSON.parse(await readFile(record, "utf8")) as Blob;
    if ((await stat(blobPath(store, found)).catch(() => undefined))?.size === found.size) return found;
  }
  await using folder = await temporaryFolder(store);
  const root = join(folder.path, "root");
  await mkdir(root);
  await fill(root);
  await normalizeModes(root);
  const tar = join(folder.path, "layer.tar");
  const fixed = ["--format=gnu", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
  await execa("tar", ["--create", `--file=${tar}`, ...fixed, `--directory=${root}`, "."], {
    cancelSignal: store.signal,
    env: { LC_ALL: "C", TAR_OPTIONS: "" },
  });
  const blob = { digest: `sha256:${await sha256OfFile(tar)}`, size: (await stat(tar)).size };
  await rename(tar, blobPath(store, blob));
  const temporary = join(folder.path, "record");
  await writeFile(temporary, JSON.stringify(blob));
  await rename(temporary, record);
  return blob;
}

/** SHA-256 of a text, in hexadecimal. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** SHA-256 of a file's content, in hexadecimal. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Folders 0755 (1777 where anyone may write), files 0644 or 0755: nothing of this machine's umask, no setuid, no setgid. */
async function normalizeModes(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isDirectory()) {
    await chmod(path, found.mode & 0o1000 ? 0o1777 : 0o755);
    for (const name of await readdir(path)) await normalizeModes(join(path, name));
  } else if (found.isFile()) {
    await chmod(path, found.mode & 0o111 ? 0o755 : 0o644);
  }
}

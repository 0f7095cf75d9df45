import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import http from "node:http";
import { basename, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { UserError } from "../errors.ts";
import type { Pin, Release } from "./pins.ts";

const PROBE_TIMEOUT_MS = 3000;
const IDLE_TIMEOUT_MS = 30_000;

/** How often a broken download is taken up again where it broke. */
const ATTEMPTS = 5;

const probes = new Map<string, Promise<boolean>>();

/** Whether a release's host answers within 3 seconds; every host is asked once per process. */
export function hostAnswers({ url }: Pick<Release, "url">): Promise<boolean> {
  const { host } = new URL(url);
  let probe = probes.get(host);
  if (probe === undefined) {
    useProxyFromEnvironment();
    probe = fetch(url, { method: "HEAD", signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) }).then(
      ({ ok }) => ok,
      () => false,
    );
    probes.set(host, probe);
  }
  return probe;
}

function useProxyFromEnvironment(): void {
  if (/_proxy$/im.test(Object.keys(process.env).join("\n"))) http.setGlobalProxyFromEnv();
}

/**
 * Downloads a release into `folder` and returns the file's path. A partial file from an interrupted run is continued.
 * Throws a UserError when the host stops answering, and when the content is not the pinned one, which is then removed.
 */
export async function download(
  release: Release,
  folder: string,
  signal: AbortSignal,
  progress: (bytes: number, total: number | undefined) => void = () => {},
): Promise<string> {
  const file = join(folder, `${release.digest.slice(0, 16)}-${basename(new URL(release.url).pathname)}`);
  const partial = `${file}.part`;
  await mkdir(folder, { recursive: true });
  if ((await size(file)) === undefined) {
    await fetchRest(release.url, partial, signal, progress);
    await verify(release, partial);
    await rename(partial, file);
  }
  return file;
}

async function fetchRest(
  url: string,
  partial: string,
  signal: AbortSignal,
  progress: (bytes: number, total?: number) => void,
) {
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchOnce(url, partial, signal, progress);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === ATTEMPTS || isFullDisk(error)) {
        if (isFullDisk(error)) throw error;
        throw new UserError(
          `Expected ${url} to be downloaded, but it broke off ${ATTEMPTS} times (${reason(error)}).\n` +
            "Run the same command again to continue where it stopped.",
          { cause: error },
        );
      }
    }
  }
}

async function fetchOnce(
  url: string,
  partial: string,
  signal: AbortSignal,
  progress: (bytes: number, total?: number) => void,
) {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(new Error(`no data for ${IDLE_TIMEOUT_MS / 1000} s`)), IDLE_TIMEOUT_MS);
  try {
    const have = (await size(partial)) ?? 0;
    const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
    const response = await fetch(url, { headers, signal: AbortSignal.any([signal, idle.signal]) });
    if (response.status === 416) {
      // Nothing is left to fetch, or the file is longer than the server's: the digest decides.
      await response.body?.cancel();
      return;
    }
    if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
    const resumed = response.status === 206;
    let bytes = resumed ? have : 0;
    const length = response.headers.get("content-length");
    const total = length === null ? undefined : bytes + Number(length);
    const count = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        timer.refresh();
        bytes += chunk.length;
        progress(bytes, total);
        done(undefined, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body), count, createWriteStream(partial, { flags: resumed ? "a" : "w" }));
  } finally {
    clearTimeout(timer);
  }
}

async function verify({ url, algorithm, digest }: Release, file: string): Promise<void> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  const actual = hash.digest("hex");
  if (actual === digest) return;
  await rm(file);
  throw new UserError(
    `Expected ${algorithm} ${digest} for ${url} but received ${actual}. The file was removed and nothing of it was used.\n` +
      "Something between this machine and that host changes what is downloaded, or the release was replaced.",
  );
}

/** Puts a downloaded release's executables into a folder. */
export async function unpack(
  archive: string,
  pin: Pin,
  release: Release,
  into: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(into, { recursive: true });
  const depth = release.folder.split("/").length;
  const members = pin.executables.map((name) => `${release.folder}/${name}`);
  const args = [
    "--extract",
    "--file",
    archive,
    "--directory",
    into,
    `--strip-components=${depth}`,
    "--no-same-owner",
    ...members,
  ];
  await execa("tar", args, { cancelSignal: signal });
}

async function size(file: string): Promise<number | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found?.size;
}

function isFullDisk(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

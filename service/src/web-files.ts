import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { gzipSync } from "node:zlib";

/** A file of a page, as it is sent. */
export interface WebFile {
  type: string;
  content: Buffer;
  /** Missing where it would not be smaller. */
  gzipped?: Buffer;
  etag: string;
}

/** The pages, and what they load. */
export interface WebFiles {
  /** Path below which what the pages load is found; another one for other contents. */
  assets: string;
  pages: ReadonlyMap<string, WebFile>;
  /** By name. */
  files: ReadonlyMap<string, WebFile>;
}

/** Content types by the ending of a file's name; a file with another one is not served. */
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".jpg": "image/jpeg",
};

const FOLDER = new URL("../web/", import.meta.url);

/**
 * Reads the files of the pages. What a page loads has an address with a digest of all files in it, so that browsers may
 * keep it forever and never mix two versions; the pages name that address where their text says `{{assets}}`, relative to
 * where they are themselves.
 */
export function readWebFiles(): WebFiles {
  const names = readdirSync(FOLDER).filter((name) => TYPES[extname(name)] !== undefined);
  const contents = names.sort().map((name) => [name, readFileSync(new URL(name, FOLDER))] as const);
  const digest = createHash("sha256");
  for (const [name, content] of contents) digest.update(`${name}\0${content.length}\0`).update(content);
  const assets = `page/${digest.digest("hex").slice(0, 16)}`;
  const pages = new Map<string, WebFile>();
  const files = new Map<string, WebFile>();
  for (const [name, content] of contents) {
    if (extname(name) !== ".html") files.set(name, webFile(name, content));
    else pages.set(name, webFile(name, Buffer.from(content.toString("utf8").replaceAll("{{assets}}", assets))));
  }
  return { assets: `/${assets}`, pages, files };
}

function webFile(name: string, content: Buffer): WebFile {
  const gzipped = gzipSync(content, { level: 9 });
  const etag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
  const type = TYPES[extname(name)] ?? "application/octet-stream";
  return { type, content, etag, ...(gzipped.length < content.length * 0.9 ? { gzipped } : {}) };
}

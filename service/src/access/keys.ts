import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { API_KEY_LINE, HEADERS, MOST_API_KEYS } from "../../contract.ts";
import { StartError } from "../errors.ts";

/** A WebSocket protocol that carries a key, because a page cannot set headers of a WebSocket. */
const PROTOCOL_PREFIX = "key.";

/** The keys that the service knows: names, and digests of what callers send. */
export class Keys {
  readonly #names: readonly string[];
  readonly #digests: readonly Buffer[];

  /**
   * Reads lines `NAME:HEX`, in which empty lines and those that begin with `#` stand for nothing.
   * @throws StartError with one line for each problem; none repeats what stands in the file
   */
  constructor(text: string) {
    const lines = text.split(/\r?\n/).map((line, index) => ({ line: line.trim(), number: index + 1 }));
    const given = lines.filter(({ line }) => line !== "" && !line.startsWith("#"));
    const entries: Entry[] = given.map(({ line, number }) => ({ ...API_KEY_LINE.exec(line)?.groups, number }));
    const problems = [...malformed(entries), ...repeated(entries, "name"), ...repeated(entries, "digest")];
    if (entries.length === 0) problems.push("expected at least one line NAME:HEX but there is none");
    if (entries.length > MOST_API_KEYS) {
      problems.push(`expected at most ${MOST_API_KEYS} keys but there are ${entries.length}`);
    }
    if (problems.length > 0) throw new StartError(problems.join("\n"));
    this.#names = entries.map(({ name = "" }) => name);
    this.#digests = entries.map(({ digest = "" }) => Buffer.from(digest, "hex"));
  }

  /** Number of keys. */
  get size(): number {
    return this.#names.length;
  }

  /** The name of a key, found in a time that tells nothing about any other one; undefined when it is unknown. */
  find(key: string): string | undefined {
    const given = createHash("sha256").update(key).digest();
    let found: string | undefined;
    for (const [index, digest] of this.#digests.entries()) {
      if (timingSafeEqual(digest, given)) found = this.#names[index];
    }
    return found;
  }
}

/** The key that a request carries: in `x-api-key`, as a bearer token, or, of a WebSocket, as a protocol `key.KEY`. */
export function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const own = headers[HEADERS.apiKey];
  if (typeof own === "string") return own;
  const bearer = /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  if (headers.upgrade === undefined) return undefined;
  const protocols = (headers["sec-websocket-protocol"] ?? "").split(",").map((protocol) => protocol.trim());
  return protocols.find((protocol) => protocol.startsWith(PROTOCOL_PREFIX))?.slice(PROTOCOL_PREFIX.length);
}

interface Entry {
  number: number;
  name?: string;
  digest?: string;
}

function malformed(entries: readonly Entry[]): string[] {
  return entries
    .filter(({ name }) => name === undefined)
    .map(({ number }) => `line ${number}: expected NAME:HEX, a name and the SHA-256 of its key in lower-case digits`);
}

function repeated(entries: readonly Entry[], field: "name" | "digest"): string[] {
  const first = new Map<string, number>();
  return entries.flatMap((entry) => {
    const value = entry[field];
    if (value === undefined) return [];
    const line = first.get(value);
    if (line !== undefined) return [`line ${entry.number}: expected another ${field} than line ${line} has`];
    first.set(value, entry.number);
    return [];
  });
}

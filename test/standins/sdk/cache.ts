import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CACHE_DIR } from "../../../local/paths.ts";
import type { SdkReader } from "./extract.ts";
import type { Inputs, ResourceShape } from "./shape.ts";

/** To be raised when what is read from an SDK, or its form, changes. */
const FORM = 1;

/** What the installed @pulumi/aws declares, read once for each version of it and kept in the cache. */
export class SdkShapes {
  readonly version: string;
  readonly #directory: string;
  readonly #folder: string;
  readonly #known = new Map<string, unknown>();
  #reader: Promise<SdkReader> | undefined;

  constructor(packageName = "@pulumi/aws") {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    this.version = (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
    this.#directory = dirname(manifest);
    const name = packageName.replaceAll(/\W+/g, "-").replace(/^-/, "");
    this.#folder = join(CACHE_DIR, "standins", `${name}-${this.version}-form${FORM}`);
  }

  /** What a resource takes and gives; undefined when the SDK has none of that token. */
  resource(token: string): Promise<ResourceShape | undefined> {
    return this.#shape("resource", token, (reader) => reader.resource(token));
  }

  /** What a function takes; undefined when the SDK has none of that token. */
  function(token: string): Promise<Inputs | undefined> {
    return this.#shape("function", token, (reader) => reader.function(token));
  }

  async #shape<T>(kind: string, token: string, read: (reader: SdkReader) => T | undefined): Promise<T | undefined> {
    const key = `${kind}-${token.replaceAll(/[^\w]+/g, "-")}`;
    if (this.#known.has(key)) return this.#known.get(key) as T | undefined;
    const file = join(this.#folder, `${key}.json`);
    let shape = readJson(file) as T | undefined;
    if (shape === undefined) {
      // The compiler takes long to load: only when something is read for the first time.
      this.#reader ??= import("./extract.ts").then(({ SdkReader: Reader }) => new Reader(this.#directory));
      shape = read(await this.#reader);
      if (shape !== undefined) writeJson(file, shape);
    }
    this.#known.set(key, shape);
    return shape;
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function writeJson(file: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(value));
  renameSync(temporary, file);
}

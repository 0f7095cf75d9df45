import { readFile, stat } from "node:fs/promises";
import { MOST_API_KEY_BYTES } from "../../contract.ts";
import { StartError } from "../errors.ts";
import { Keys } from "./keys.ts";

/** Milliseconds between two looks at the file. Watching is no way: Kubernetes swaps a link in a folder above it. */
const LOOK_MS = 2_000;

/** Whom a file of keys tells that it was read again. */
export interface KeyFileEvents {
  /** New keys are in force. */
  reloaded(count: number): void;
  /** The file changed to something that cannot be used; the keys before it stay in force. */
  failed(message: string): void;
}

/** The keys in a file, which may change while the service runs. */
export class KeyFile {
  readonly #path: string;
  readonly #events: KeyFileEvents;
  readonly #timer: NodeJS.Timeout;
  #keys: Keys;
  #seen: string;
  #looking = false;

  private constructor(path: string, events: KeyFileEvents, keys: Keys, seen: string, lookMs: number) {
    this.#path = path;
    this.#events = events;
    this.#keys = keys;
    this.#seen = seen;
    this.#timer = setInterval(() => void this.#look(), lookMs).unref();
  }

  /**
   * Reads the file, and from then on looks every two seconds whether it changed.
   * @throws StartError when it is missing or a line of it is wrong
   */
  static async open(path: string, events: KeyFileEvents, lookMs = LOOK_MS): Promise<KeyFile> {
    const seen = await identity(path);
    return new KeyFile(path, events, await read(path), seen, lookMs);
  }

  /** The keys that are in force. */
  get keys(): Keys {
    return this.#keys;
  }

  /** Stops looking. */
  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const seen = await identity(this.#path);
    if (seen !== this.#seen) {
      // Before reading, so that a change in the meantime is seen at the next look.
      this.#seen = seen;
      try {
        this.#keys = await read(this.#path);
        this.#events.reloaded(this.#keys.size);
      } catch (error) {
        this.#events.failed(error instanceof Error ? error.message : String(error));
      }
    }
    this.#looking = false;
  }
}

/** What changes when the file behind the path, or its content, becomes another one. */
async function identity(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? "missing" : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join();
}

async function read(path: string): Promise<Keys> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > MOST_API_KEY_BYTES) throw new StartError(`it has ${size} bytes, more than ${MOST_API_KEY_BYTES}`);
    text = await readFile(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`Expected a file of API keys at ${path} (API_KEYS_FILE), but ${reason}.`, { cause: error });
  }
  try {
    return new Keys(text);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const problems = error.message.replaceAll(/^/gm, "  ");
    throw new StartError(
      `Invalid API keys in ${path} (API_KEYS_FILE):\n${problems}\n` +
        "service/src/access/make-key.ts makes a key and its line.",
      { cause: error },
    );
  }
}

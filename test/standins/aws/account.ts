import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isObject, type Properties, textsAt } from "../values.ts";

/** A resource as the account has it. */
export interface Stored {
  type: string;
  id: string;
  /** What it was made with. */
  inputs: Properties;
  /** What it says of itself. */
  outputs: Properties;
}

/** What the account's file holds. */
interface Contents {
  about: string;
  resources: Stored[];
}

/** How long a change may wait for that of another process, and how often it looks, in milliseconds. */
const PATIENCE_MS = 30_000;
const WAIT_MS = 2;

/** The number of the account, of a form that AWS uses in its documentation only. */
export const ACCOUNT_ID = "123456789012";

/** Resources of an account, to look things up in. */
export class Resources {
  readonly list: Stored[];

  constructor(list: Stored[]) {
    this.list = list;
  }

  /** Every resource of a type. */
  all(type: string): Stored[] {
    return this.list.filter((each) => each.type === type);
  }

  /** The resource of a type and id. */
  get(type: string, id: string): Stored | undefined {
    return this.list.find((each) => each.type === type && each.id === id);
  }

  /** The resource of a type one of whose outputs is this text. */
  by(type: string, output: string, value: string): Stored | undefined {
    return this.list.find((each) => each.type === type && textsAt(each.outputs, output).includes(value));
  }
}

/** An AWS account that is one JSON file, which any number of processes may use at the same time. */
export class Account {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** Looks at the account as it is. */
  read(): Resources {
    return new Resources(this.#load().resources);
  }

  /** Changes the account, alone; when the action throws, nothing is changed. */
  change<T>(action: (resources: Resources) => T): T {
    mkdirSync(dirname(this.file), { recursive: true });
    const lock = this.#lock();
    try {
      const contents = this.#load();
      const result = action(new Resources(contents.resources));
      const temporary = `${this.file}.${process.pid}`;
      writeFileSync(temporary, `${JSON.stringify(contents, undefined, 1)}\n`);
      renameSync(temporary, this.file);
      return result;
    } finally {
      rmSync(lock, { force: true });
    }
  }

  #load(): Contents {
    try {
      return JSON.parse(readFileSync(this.file, "utf8")) as Contents;
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
      return { about: "A stand-in for an AWS account: nothing in it exists. See docs/standins.md.", resources: [] };
    }
  }

  #lock(): string {
    const lock = `${this.file}.lock`;
    const own = `${lock}.${process.pid}`;
    writeFileSync(own, String(process.pid));
    try {
      // Everything here is synchronous, so that one process never waits for itself.
      for (
        const end = Date.now() + PATIENCE_MS;
        ;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS)
      ) {
        if (tryLink(own, lock)) return lock;
        removeOfGone(lock);
        if (Date.now() > end) throw new Error(`Expected to lock ${this.file}, but another process holds ${lock}.`);
      }
    } finally {
      rmSync(own, { force: true });
    }
  }
}

/** Names an existing file anew; false when the new name is taken. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** Removes the lock of a process that has gone. */
function removeOfGone(lock: string): void {
  try {
    const pid = Number(readFileSync(lock, "utf8"));
    process.kill(pid, 0);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) return;
    // Under a name of this process's own, so that of two that see it only one takes it away.
    const taken = `${lock}.gone.${process.pid}`;
    try {
      renameSync(lock, taken);
      rmSync(taken, { force: true });
    } catch (failure) {
      if (!hasCode(failure, "ENOENT")) throw failure;
    }
  }
}

function hasCode(error: unknown, code: string): boolean {
  return isObject(error) && "code" in (error as object) && (error as { code?: unknown }).code === code;
}

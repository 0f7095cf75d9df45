import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { UserError } from "../errors.ts";

/** How long a lock may be waited for before `onWait` is called, in milliseconds. */
const PATIENCE_MS = 400;

/** What can be known while a lock is waited for. */
export interface LockOptions {
  /** Ends the waiting. */
  signal: AbortSignal;
  /** Called once when another process holds the lock. Defaults to nothing. */
  onWait?: () => void;
}

/**
 * Runs `action` while holding the kernel's lock on a file, which every clone of this user shares. The lock ends with this
 * process however it ends: the child that holds it lives as long as its standard input, a pipe of ours, is open.
 */
export async function withLock<T>(file: string, { signal, onWait }: LockOptions, action: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  await mkdir(dirname(file), { recursive: true });
  // In a session of its own: Ctrl-C in the terminal must not release the lock before our own cleaning up is done.
  const holder = spawn("flock", ["--exclusive", "--no-fork", file, "sh", "-c", "echo held; exec cat >/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => holder.once("close", () => resolve()));
  const waiting = setTimeout(() => onWait?.(), PATIENCE_MS);
  try {
    const lines = createInterface({ input: holder.stdout });
    const [line] = await Promise.race([
      once(lines, "line", { signal }),
      ended.then((): [undefined] => [undefined]),
      once(holder, "error").then(([error]: Error[]) => {
        throw new UserError(
          `Expected the program flock (Debian: util-linux), but it could not be started: ${error?.message}`,
        );
      }),
    ]);
    if (line !== "held") throw new UserError(`Expected to lock ${file}, but flock ended. Is the folder writable?`);
    clearTimeout(waiting);
    return await action();
  } finally {
    clearTimeout(waiting);
    holder.kill("SIGKILL");
    await ended;
  }
}

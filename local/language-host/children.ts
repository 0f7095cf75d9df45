import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { constants } from "node:os";

/** How long a program may take to end after it was asked to, in milliseconds. */
const GRACE_MS = 2000;

const running = new Set<ChildProcess>();
let stopping = false;

/** How a child process ended. */
export interface Ended {
  /** Its exit code; for one that a signal ended, 128 and the signal's number, as a shell gives it. */
  code: number;
  signal: NodeJS.Signals | undefined;
}

/** Starts a program that ends with this process: in its process group, and known to `stopChildren`. */
export function startChild(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): { child: ChildProcess; ended: Promise<Ended> } {
  if (stopping) throw new Error("the language host is ending");
  const child = spawn(program, args, options);
  running.add(child);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve({ code: code ?? 128 + constants.signals[signal ?? "SIGKILL"], signal: signal ?? undefined });
    });
  }).finally(() => running.delete(child));
  return { child, ended };
}

/** Ends one child: politely, then by force. */
export function stopChild(child: ChildProcess): void {
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  child.once("close", () => clearTimeout(force));
}

/** Ends every child that runs. */
export function stopChildren(): void {
  for (const child of running) stopChild(child);
}

/** Ends every child, waits until none is left, and lets no other start. */
export async function endChildren(): Promise<void> {
  stopping = true;
  const closed = [...running].map((child) => new Promise((resolve) => child.once("close", resolve)));
  stopChildren();
  await Promise.all(closed);
}

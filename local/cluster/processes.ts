import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { NODE_DIR } from "./paths.ts";

/** A process of the node, as seen from the host. */
export interface NodeProcess {
  pid: number;
  /** File name of its program. */
  name: string;
  /** Resident memory in bytes. */
  rssBytes: number;
}

/** The processes that carry a node. */
export interface NodeTree {
  /** PID 1 of the node, as the host numbers it. */
  init: number;
  /** The `unshare` that waits for it, when it is still there. */
  parent: number | undefined;
}

/** Finds the node that belongs to a folder by looking through /proc, so that no file can be stale. */
export function findNode(nodeDir: string = NODE_DIR): NodeTree | undefined {
  if (process.platform !== "linux") return undefined;
  for (const pid of pids()) {
    const argv = read(pid, "cmdline")?.split("\0") ?? [];
    const script = argv.findIndex((argument) => argument.endsWith("/local/cluster/node.sh"));
    if (script === -1 || argv[script + 1] !== nodeDir) continue;
    // The shell's forks have the same command line; only the first process has number 1 in a namespace of its own.
    const numbers = status(pid, "NSpid")?.split(/\s+/) ?? [];
    // Anyone may start something that looks like a node; only root's, or one's own, is entered or ended.
    if (!["0", String(process.geteuid?.())].includes(status(pid, "Uid")?.split(/\s+/)[0] ?? "")) continue;
    if (numbers.length < 2 || numbers.at(-1) !== "1" || status(pid, "State")?.startsWith("Z")) continue;
    const parent = Number(status(pid, "PPid"));
    return { init: pid, parent: read(parent, "comm")?.trim() === "unshare" ? parent : undefined };
  }
  return undefined;
}

/** All processes of a node, those in pods included. */
export function nodeProcesses({ init }: NodeTree): NodeProcess[] {
  const children = Map.groupBy(pids(), (pid) => Number(status(pid, "PPid")));
  const found: NodeProcess[] = [];
  const waiting = [init];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    waiting.push(...(children.get(pid) ?? []));
    const name = status(pid, "Name");
    // The kernel gives kibibytes, and nothing for a process that is just ending.
    if (name !== undefined)
      found.push({ pid, name, rssBytes: Number.parseInt(status(pid, "VmRSS") ?? "0", 10) * 1024 });
  }
  return found;
}

/** Ends a node's first process, whereupon the kernel ends all others, and waits until the last one is gone. */
export async function killNode({ init, parent }: NodeTree): Promise<void> {
  kill(init);
  // The kernel reports the first process as ended only after every other one of its namespace.
  await gone(init);
  if (parent === undefined) return;
  kill(parent);
  await gone(parent);
}

/**
 * Ends the processes that run a program below a folder and whose parent does not carry the given name (any more), and waits
 * until they are gone.
 */
export async function endOrphans(folder: string, parentName: string): Promise<void> {
  const orphans = pids().filter((pid) => {
    const [program = ""] = read(pid, "cmdline")?.split("\0") ?? [];
    return program.startsWith(`${folder}/`) && read(Number(status(pid, "PPid")), "comm")?.trim() !== parentName;
  });
  for (const pid of orphans) kill(pid);
  await Promise.all(orphans.map(gone));
}

async function gone(pid: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (status(pid, "State") !== undefined && !status(pid, "State")?.startsWith("Z")) {
    if (Date.now() > deadline) throw new Error(`Process ${pid} did not end within 10 s of SIGKILL.`);
    await sleep(20);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function status(pid: number, field: string): string | undefined {
  return new RegExp(`^${field}:\\s*(.*)$`, "m").exec(read(pid, "status") ?? "")?.[1];
}

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined; // the process has ended
  }
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CACHE_DIR, STATE_DIR } from "../paths.ts";
import type { Phase } from "./components.ts";
import { NODE_DIR, NODE_SCRIPT } from "./paths.ts";
import { findNode } from "./processes.ts";
import { ENDED, nodeFailure } from "./readiness.ts";

/** Starts a node's first process, which waits for the phases to begin, and returns its PID on the host. */
export async function spawnNode(environment: Record<string, string>): Promise<number> {
  await mkdir(join(NODE_DIR, "log"), { recursive: true, mode: 0o700 });
  await mkdir(CACHE_DIR, { recursive: true });
  const log = await open(join(NODE_DIR, "log", "node.log"), "a", 0o600);
  const namespaces = ["--pid", "--fork", "--mount", "--mount-proc", "--net", "--kill-child=KILL"];
  // A session of its own: the node outlives this process and its terminal.
  const node = spawn("unshare", [...namespaces, "sh", NODE_SCRIPT, NODE_DIR, STATE_DIR, CACHE_DIR], {
    cwd: "/",
    env: environment,
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  await once(node, "spawn");
  await log.close();
  node.unref();
  for (;;) {
    const init = findNode()?.init;
    if (init !== undefined) return init;
    if (node.signalCode !== null) throw await nodeFailure("node", ENDED);
    if (node.exitCode !== null) throw await nodeFailure("node", `ended with exit code ${node.exitCode}`);
    await sleep(10);
  }
}

/** The file whose presence lets the components of a phase start. */
export function startFile(phase: Phase): string {
  return join(NODE_DIR, `start-${phase}`);
}

/** Lets the components of a phase start. */
export async function begin(phase: Phase): Promise<void> {
  await writeFile(startFile(phase), "");
}

import { existsSync } from "node:fs";
import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { UserError } from "../errors.ts";
import { KUBECONFIG, STATE_DIR } from "../paths.ts";
import type { Toolchain } from "../toolchain/index.ts";
import { withLock } from "../toolchain/lock.ts";
import { ApiClient } from "./api.ts";
import { createCgroups, removeCgroups } from "./cgroups.ts";
import { nodeEnvironment } from "./environment.ts";
import { connectNode, waitForDisconnect } from "./network.ts";
import { begin, spawnNode, startFile } from "./node.ts";
import { writeNodeFiles } from "./node-files.ts";
import { FAILED_LOGS, NODE_DIR } from "./paths.ts";
import { findNode, killNode } from "./processes.ts";
import { apiReady, ENDED, nodeFailure, nodeReady, waitUntil } from "./readiness.ts";
import { checkKernel, requireLinux, requireRoot } from "./requirements.ts";

export { applyClusterDns } from "./dns.ts";
export { PAUSE_IMAGE } from "./paths.ts";
export { type ClusterStatus, clusterStatus } from "./status.ts";

/** How long a running cluster may take to answer before it counts as dead, in milliseconds. */
const PATIENCE_MS = 20_000;
/** How long the API server and then the node may take to become ready, in milliseconds. */
const START_TIMEOUT_MS = 90_000;
/** How long a stop waits for a start that is under way to give up, in milliseconds. */
const STOP_TIMEOUT_MS = 10_000;
/** Held while the cluster is started or removed; it stays, because removing a lock that others wait for breaks it. */
const LOCK = join(STATE_DIR, "lock");

/** A running embedded cluster. */
export interface Cluster {
  /** File with the administrator's credentials. */
  kubeconfig: string;
  /** Address of the API server (port 6443) and of NodePorts, reachable from this machine only. */
  nodeAddress: string;
  /** False when the cluster was running before. */
  created: boolean;
  /** Runs a program inside the node, for example `ctr`. Rejects with what it wrote to stderr when it fails. */
  run(command: readonly [string, ...string[]], options?: RunOptions): Promise<{ stdout: string; stderr: string }>;
}

/** How a program runs inside the node. */
export interface RunOptions {
  /** File that the program reads as its standard input. Defaults to none. */
  inputFile?: string;
  signal?: AbortSignal;
}

/** What a start needs. */
export interface StartOptions {
  toolchain: Toolchain;
  /** Ends the start, which then removes all that it made. */
  signal: AbortSignal;
  /** Receives one line for each step. Defaults to nothing. */
  report?: (line: string) => void;
}

/**
 * Starts the embedded cluster, or returns the one that is running; what a killed start or a dead node has left is removed
 * first. Throws a UserError when this machine lacks something or a component does not start.
 */
export async function startCluster({ toolchain, signal, report = () => {} }: StartOptions): Promise<Cluster> {
  const onWait = () => report("waiting for another start of this clone");
  requireLinux();
  requireRoot("for the embedded cluster");
  await mkdir(STATE_DIR, { recursive: true });
  await chmod(STATE_DIR, 0o700);
  return withLock(LOCK, { signal, onWait }, async () => {
    const running = await runningCluster(toolchain, signal);
    if (running !== undefined) return running;
    await wipe();
    try {
      return await createCluster(toolchain, signal, report);
    } catch (error) {
      await wipe({ keepLogs: !signal.aborted });
      throw error;
    }
  });
}

function stopTimeout(): AbortSignal {
  const timeout = new AbortController();
  const seconds = STOP_TIMEOUT_MS / 1000;
  const reason = `Another start or stop of this clone has not ended within ${seconds} s. End it, and run the same command again.`;
  setTimeout(() => timeout.abort(new UserError(reason)), STOP_TIMEOUT_MS).unref();
  return timeout.signal;
}

/**
 * Removes the embedded cluster and all that belongs to it: processes, and with them mounts, devices and rules; cgroups;
 * files; and Pulumi's state, which describes what is no longer there. Returns whether there was anything.
 */
export async function stopCluster(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  const running = findNode() !== undefined;
  if (running) requireRoot("to stop the embedded cluster");
  if (!existsSync(STATE_DIR)) return (await wipe()) || running;
  const locked = new AbortController();
  // A start that is under way fails at once without its node, and lets go of the lock.
  const killing = killNodesUntil(locked.signal);
  const found = await withLock(LOCK, { signal: stopTimeout() }, async () => {
    locked.abort();
    await killing;
    return wipe();
  }).finally(() => locked.abort());
  return found || running;
}

async function killNodesUntil(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const node = findNode();
    if (node !== undefined) await killNode(node);
    await sleep(100);
  }
}

async function wipe({ keepLogs = false } = {}): Promise<boolean> {
  const node = findNode();
  if (node !== undefined) await killNode(node);
  await waitForDisconnect();
  const hadCgroups = await removeCgroups();
  const paths = [KUBECONFIG, NODE_DIR, join(STATE_DIR, "pulumi"), FAILED_LOGS].filter(existsSync);
  const logs = join(NODE_DIR, "log");
  if (keepLogs && existsSync(logs)) await rename(logs, FAILED_LOGS);
  for (const path of paths) await rm(path, { recursive: true, force: true, maxRetries: 3 });
  return node !== undefined || hadCgroups || paths.length > 0;
}

async function runningCluster(toolchain: Toolchain, signal: AbortSignal): Promise<Cluster | undefined> {
  const node = findNode();
  if (node === undefined || !existsSync(KUBECONFIG) || !existsSync(startFile("node"))) return undefined;
  using api = await ApiClient.fromFile(KUBECONFIG);
  const deadline = Date.now() + PATIENCE_MS;
  while (!((await apiReady(api, signal)) && (await nodeReady(api, signal)))) {
    signal.throwIfAborted();
    if (Date.now() > deadline || findNode() === undefined) return undefined;
    await sleep(200, undefined, { signal });
  }
  return cluster(node.init, api.host, toolchain, false);
}

async function createCluster(
  toolchain: Toolchain,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<Cluster> {
  const environment = nodeEnvironment(toolchain);
  report("checking what this machine offers");
  await checkKernel(environment);
  signal.throwIfAborted();
  await createCgroups();
  const init = await spawnNode(environment);
  signal.throwIfAborted();
  const { nodeAddress } = await connectNode(init, environment).catch(async (error: unknown) => {
    throw findNode() === undefined ? await nodeFailure("node", ENDED) : error;
  });
  await writeNodeFiles(nodeAddress, toolchain);
  report(`starting the control plane at ${nodeAddress}`);
  await begin("control-plane");
  using api = await ApiClient.fromFile(KUBECONFIG);
  await waitUntil(() => apiReady(api, signal), { component: "kube-apiserver", timeoutMs: START_TIMEOUT_MS, signal });
  report("starting the node");
  await begin("node");
  await waitUntil(() => nodeReady(api, signal), { component: "kubelet", timeoutMs: START_TIMEOUT_MS, signal });
  return cluster(init, nodeAddress, toolchain, true);
}

function cluster(init: number, nodeAddress: string, toolchain: Toolchain, created: boolean): Cluster {
  return {
    kubeconfig: KUBECONFIG,
    nodeAddress,
    created,
    async run(command, { inputFile, signal } = {}) {
      const namespaces = ["--target", String(init), "--mount", "--net", "--pid"];
      const { stdout, stderr } = await execa("nsenter", [...namespaces, "--", ...command], {
        env: nodeEnvironment(toolchain),
        extendEnv: false,
        ...(inputFile === undefined ? { stdin: "ignore" } : { inputFile }),
        ...(signal === undefined ? {} : { cancelSignal: signal }),
      }).catch((error: unknown) => {
        if (findNode()?.init === init) throw error;
        throw new UserError("The embedded cluster was stopped meanwhile. Run the same command again.");
      });
      return { stdout, stderr };
    },
  };
}

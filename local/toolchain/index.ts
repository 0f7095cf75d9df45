import { Listr } from "listr2";
import { findTool, type Tool } from "./cache.ts";
import { layOutBin, layOutPlugins } from "./clone.ts";
import { LIST_OPTIONS } from "./list-options.ts";
import { PINS } from "./pins.ts";
import { findRuntime } from "./runtime.ts";
import { type Collected, toolchainTasks } from "./tasks.ts";

export type { Tool } from "./cache.ts";
export { LIST_OPTIONS } from "./list-options.ts";
export { type Collected, toolchainTasks } from "./tasks.ts";

/** Every program that the local target runs, ready to run. */
export interface Toolchain {
  /** Folder with pulumi, pulumi-language-nodejs, kube-*, kubectl, kubelet, etcd and coredns; goes first on PATH. */
  binDir: string;
  /** Root of the extracted Debian packages: usr/bin/containerd, usr/sbin/runc, usr/lib/cni, usr/sbin/iptables, libraries. */
  runtimeDir: string;
  /** Holds resource-kubernetes-vX in Pulumi's plugin layout; to be linked into a PULUMI_HOME as `plugins`. */
  pluginDir: string;
  /** Where everything came from. */
  tools: readonly Tool[];
}

/** What stops `ensureToolchain`, and where it tells that nothing was to be done. */
export interface EnsureOptions {
  signal: AbortSignal;
  /** Receives one line when everything was there already. Defaults to printing it. */
  report?: (line: string) => void;
}

/**
 * Gets every tool that is neither on PATH at its pinned version nor in the cache, with visible progress, and lays out this
 * clone's folders. Throws a UserError when a tool cannot be had; what is complete by then is kept for the next run.
 */
export async function ensureToolchain({ signal, report = console.log }: EnsureOptions): Promise<Toolchain> {
  const collected = await findToolchain(signal);
  if (collected !== undefined) {
    report(`Toolchain: all ${countTools(collected)} tools are there`);
    return layOut(collected);
  }
  const made: Collected = { tools: [] };
  await new Listr(toolchainTasks(made, signal), LIST_OPTIONS).run();
  return layOut(made);
}

/** Makes this clone's folders from what the toolchain's tasks have collected. */
export async function layOut({ tools, runtime }: Collected): Promise<Toolchain> {
  if (runtime === undefined) throw new Error("the toolchain's tasks have not ended");
  return {
    binDir: await layOutBin(tools),
    runtimeDir: runtime.dir,
    pluginDir: await layOutPlugins(tools),
    tools: [...tools, ...runtime.tools],
  };
}

/** How many tools have been collected. */
export function countTools({ tools, runtime }: Collected): number {
  return tools.length + (runtime?.tools.length ?? 0);
}

/** Every tool, when all are there without fetching or building anything; otherwise undefined. */
export async function findToolchain(signal: AbortSignal): Promise<Collected | undefined> {
  const runtime = await findRuntime();
  const tools = await Promise.all(PINS.map((pin) => findTool(pin, signal)));
  return runtime !== undefined && tools.every((tool) => tool !== undefined) ? { runtime, tools } : undefined;
}

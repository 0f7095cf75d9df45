import { relative } from "node:path";
import { readArguments } from "./arguments.ts";
import { stopCluster } from "./cluster/index.ts";
import { findNode, nodeProcesses } from "./cluster/processes.ts";
import { runMain } from "./errors.ts";
import { CACHE_DIR, STATE_DIR } from "./paths.ts";
import { endOrphanedPlugins } from "./stack.ts";

const USAGE = `Usage: npm stop
Removes the embedded cluster of this clone. Models, results and caches stay.`;

// `npm stop`: removes the embedded cluster of this clone. It ends by itself within seconds, so that no signal is needed.
await runMain(async () => {
  if (readArguments(USAGE, { options: {} }) === undefined) return;
  const node = findNode();
  const processes = node === undefined ? 0 : nodeProcesses(node).length;
  await endOrphanedPlugins();
  const state = relative(process.cwd(), STATE_DIR) || STATE_DIR;
  if (!(await stopCluster())) {
    console.log(`Nothing to stop: no cluster runs from ${state}.`);
    return;
  }
  console.log(
    `Removed the embedded cluster: ${processes} processes with their mounts, network devices and rules, its cgroups, ` +
      `and its files in ${state} (volumes, kubeconfig, Pulumi's state of the local stack).\n` +
      `Kept: models and results in ${state}, tools and images in ${CACHE_DIR}.`,
  );
});

import { readArguments } from "./arguments.ts";
import { clusterStatus } from "./cluster/index.ts";
import { runMain } from "./errors.ts";
import { KUBECONFIG } from "./paths.ts";

const USAGE = `Usage: npm run status [-- --json]
Shows what runs from this clone, without changing it.`;

const MIB = 2 ** 20;

// The exit code is 0 whatever the state is.
await runMain(async () => {
  const options = readArguments(USAGE, { options: { json: { type: "boolean" } } });
  if (options === undefined) return;
  const status = await clusterStatus();
  if (options.values.json) {
    console.log(JSON.stringify(status, undefined, 2));
    return;
  }
  const { pid, ready, nodeAddress, processes, rssBytes, pods, services } = status;
  if (pid === undefined) {
    console.log("No cluster runs from this clone. Start it with: npm start");
    return;
  }
  console.log(`Node        ${ready ? "Ready" : "not ready"}`);
  if (nodeAddress !== undefined)
    console.log(`API server  https://${nodeAddress}:6443  (kubectl --kubeconfig ${KUBECONFIG})`);
  for (const { namespace, name, url } of services) console.log(`Service     ${url}  (${namespace}/${name})`);
  console.log(`Memory      ${Math.round(rssBytes / MIB)} MiB in ${processes.length} processes\n`);
  print(
    ["PID", "MiB", "PROCESS"],
    processes.map((each) => [each.pid, Math.round(each.rssBytes / MIB), each.name]),
  );
  if (pods.length === 0) return;
  console.log("");
  print(
    ["NAMESPACE", "POD", "READY", "STATUS", "RESTARTS"],
    pods.map((pod) => [pod.namespace, pod.name, `${pod.readyContainers}/${pod.containers}`, pod.phase, pod.restarts]),
  );
});

/** Prints columns as wide as their widest cell. */
function print(...[head, rows]: [string[], (string | number)[][]]): void {
  const lines = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
}

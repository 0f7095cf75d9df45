import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { GpuSharing } from "../../infra/gpu/sharing.ts";
import { isInstanceType } from "../../infra/nodes/instance-types.ts";
import { ApiClient } from "../../local/cluster/api.ts";
import type { SimulatedCluster } from "../support/simulated-cluster.ts";
import { nodeObject, reportedGpus } from "../support/simulated-node.ts";
import type { Stored } from "./aws/account.ts";
import { NODE_GROUP } from "./aws/models/eks-nodes.ts";

/** How often it is looked what there is to do, in milliseconds. */
const INTERVAL_MS = 500;

/** What is read of a node group. */
const NodeGroup = z.object({
  nodeGroupName: z.string(),
  instanceTypes: z.array(z.string()).min(1),
  capacityType: z.string(),
  scalingConfig: z.object({ maxSize: z.number() }),
  labels: z.record(z.string(), z.string()),
  taints: z.array(z.object({ key: z.string(), value: z.string(), effect: z.string() })).default([]),
});

interface Ingress {
  metadata: { name: string; namespace: string };
  status?: { loadBalancer?: { ingress?: object[] } };
}

/**
 * Does on a cluster what AWS and its controllers do of themselves, until it is disposed of. Each node group in the account gets
 * as many nodes as it may have, with labels and taints as the program gave them to AWS; each Ingress gets a host name.
 */
export class SimulatedAws implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #cluster: SimulatedCluster;
  readonly #sharings: readonly GpuSharing[];
  /** Names of nodes by the id of their group. */
  readonly #nodes = new Map<string, string[]>();
  readonly #running: Promise<void>;

  /** `account` looks up what the account has; `sharings` are the ways of sharing GPUs that the device plugin knows. */
  constructor(cluster: SimulatedCluster, account: () => Stored[], sharings: readonly GpuSharing[]) {
    this.#cluster = cluster;
    this.#sharings = sharings;
    this.#running = this.#react(account);
    // An error is thrown when it is disposed of.
    this.#running.catch(() => {});
  }

  /** Names of the nodes with a label. */
  nodesOf(group: string): string[] {
    return [...this.#nodes].filter(([id]) => id.includes(`:${group}-`)).flatMap(([, names]) => names);
  }

  async #react(account: () => Stored[]): Promise<void> {
    using api = await ApiClient.fromFile(this.#cluster.kubeconfig);
    while (!this.#stop.signal.aborted) {
      for (const { id, type, inputs } of account()) {
        if (type !== NODE_GROUP || this.#nodes.has(id)) continue;
        this.#nodes.set(id, await this.#makeNodes(NodeGroup.parse(inputs)));
      }
      const { items } = await api.get<{ items: Ingress[] }>("/apis/networking.k8s.io/v1/ingresses");
      for (const { metadata, status } of items) {
        if ((status?.loadBalancer?.ingress ?? []).length === 0) await this.#makeBalancer(metadata);
      }
      await sleep(INTERVAL_MS);
    }
  }

  async #makeNodes(group: z.infer<typeof NodeGroup>): Promise<string[]> {
    const { nodeGroupName, instanceTypes, capacityType, scalingConfig, labels, taints } = group;
    const [instanceType = ""] = instanceTypes;
    if (!isInstanceType(instanceType)) throw new Error(`Expected an instance type but received ${instanceType}`);
    const gpus = reportedGpus(labels, instanceType, this.#sharings);
    const own = { "eks.amazonaws.com/nodegroup": nodeGroupName, "eks.amazonaws.com/capacityType": capacityType };
    const names = Array.from({ length: scalingConfig.maxSize }, (_, n) => `${nodeGroupName}-${n}`);
    await this.#cluster.apply(
      ...names.map((name, n) => {
        const zone = `us-west-2${"abc"[n % 3]}`;
        return nodeObject({ name, instanceType, zone, labels: { ...labels, ...own }, taints, gpus });
      }),
    );
    return names;
  }

  async #makeBalancer({ name, namespace }: Ingress["metadata"]): Promise<void> {
    const status = { loadBalancer: { ingress: [{ hostname: `internal-${namespace}-${name}.elb.invalid` }] } };
    const patch = ["--type=merge", "--subresource=status", `--patch=${JSON.stringify({ status })}`];
    await this.#cluster.kubectl(["patch", "ingress", name, "--namespace", namespace, ...patch]);
  }

  /** Stops, and removes the nodes. Throws what went wrong meanwhile. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const names = [...this.#nodes.values()].flat();
    if (names.length > 0) await this.#cluster.kubectl(["delete", "node", "--wait=false", ...names]);
  }
}

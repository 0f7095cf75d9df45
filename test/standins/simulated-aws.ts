import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { GpuSharing } from "../../infra/gpu/sharing.ts";
import { isInstanceType } from "../../infra/nodes/instance-types.ts";
import { ApiClient, ApiError } from "../../local/cluster/api.ts";
import type { SimulatedCluster } from "../support/simulated-cluster.ts";
import { type EksTaint, nodeObject, reportedGpus, type SimulatedNode } from "../support/simulated-node.ts";
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

/** What is read of a pool of Karpenter's. */
interface NodePool {
  metadata: { name: string };
  spec: {
    limits: { nodes: string };
    template: {
      metadata: { labels: Record<string, string> };
      spec: { taints: EksTaint[]; requirements: { key: string; values: string[] }[] };
    };
  };
}

/** Definition of Karpenter's pools. */
const NODE_POOLS = "/apis/karpenter.sh/v1/nodepools";

interface Ingress {
  metadata: { name: string; namespace: string };
  status?: { loadBalancer?: { ingress?: object[] } };
}

/** Nodes that are alike. */
interface Nodes extends Pick<SimulatedNode, "labels" | "taints"> {
  name: string;
  instanceType: string;
  count: number;
}

/**
 * Does on a cluster what AWS and its controllers do of themselves, until it is disposed of. Each node group in the account, and
 * each pool of Karpenter's, gets as many nodes as it may have, with labels and taints as the program gave them; each Ingress gets
 * a host name.
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
        this.#nodes.set(id, await this.#makeNodes(nodesOfGroup(NodeGroup.parse(inputs))));
      }
      for (const pool of await nodePools(api)) {
        const id = `pool:${pool.metadata.name}-`;
        if (!this.#nodes.has(id)) this.#nodes.set(id, await this.#makeNodes(nodesOfPool(pool)));
      }
      const { items } = await api.get<{ items: Ingress[] }>("/apis/networking.k8s.io/v1/ingresses");
      for (const { metadata, status } of items) {
        if ((status?.loadBalancer?.ingress ?? []).length === 0) await this.#makeBalancer(metadata);
      }
      await sleep(INTERVAL_MS);
    }
  }

  async #makeNodes({ name, instanceType, labels, taints, count }: Nodes): Promise<string[]> {
    if (!isInstanceType(instanceType)) throw new Error(`Expected an instance type but received ${instanceType}`);
    const gpus = reportedGpus(labels, instanceType, this.#sharings);
    const names = Array.from({ length: count }, (_, n) => `${name}-${n}`);
    await this.#cluster.apply(
      ...names.map((node, n) => {
        const zone = `us-west-2${"abc"[n % 3]}`;
        return nodeObject({ name: node, instanceType, zone, labels, taints, gpus });
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

function nodesOfGroup(group: z.infer<typeof NodeGroup>): Nodes {
  const { nodeGroupName, instanceTypes, capacityType, scalingConfig, labels, taints } = group;
  const own = { "eks.amazonaws.com/nodegroup": nodeGroupName, "eks.amazonaws.com/capacityType": capacityType };
  const [instanceType = ""] = instanceTypes;
  return { name: nodeGroupName, instanceType, labels: { ...labels, ...own }, taints, count: scalingConfig.maxSize };
}

function nodesOfPool({ metadata: { name }, spec: { limits, template } }: NodePool): Nodes {
  const { taints, requirements } = template.spec;
  const types = requirements.find(({ key }) => key === "node.kubernetes.io/instance-type");
  const labels = { ...template.metadata.labels, "karpenter.sh/nodepool": name };
  return { name: `pool-${name}`, instanceType: types?.values[0] ?? "", labels, taints, count: Number(limits.nodes) };
}

/** Karpenter's pools; none where nobody knows what that is. */
async function nodePools(api: ApiClient): Promise<NodePool[]> {
  try {
    return (await api.get<{ items: NodePool[] }>(NODE_POOLS)).items;
  } catch (error) {
    // 429 while the definition is being made known.
    if (error instanceof ApiError && (error.status === 404 || error.status === 429)) return [];
    throw error;
  }
}

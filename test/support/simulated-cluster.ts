import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { NODE_NAME } from "../../local/cluster/paths.ts";
import { TestCluster } from "./cluster.ts";
import { SIMULATED } from "./simulated-node.ts";
import { testTool, toolSource } from "./tools.ts";

const START = join(import.meta.dirname, "start-control-plane.ts");

/** What kwok makes of nodes and pods: nodes become ready, pods run at once, those of Jobs succeed. */
const STAGES = [
  "node/fast/node-initialize.yaml",
  "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
  "pod/fast/pod-ready.yaml",
  "pod/fast/pod-complete.yaml",
  "pod/fast/pod-delete.yaml",
];

/** Phases and places of pods, as tests compare them. */
export interface PlacedPod {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  /** Name of the node; undefined while it waits for one. */
  node: string | undefined;
  phase: string;
}

/**
 * A real API server, controller manager and scheduler whose nodes and pods are simulated by kwok. The machine's own node takes
 * no pods. It shows what is accepted and where pods are placed; no container runs, and no network or volume is real.
 */
export class SimulatedCluster {
  readonly #cluster: TestCluster;
  readonly #kwok: ReturnType<typeof spawn>;

  private constructor(cluster: TestCluster, kwok: ReturnType<typeof spawn>) {
    this.#cluster = cluster;
    this.#kwok = kwok;
  }

  static async start(): Promise<SimulatedCluster> {
    // First, so that no cluster waits for a build.
    const [kwok, source] = [await testTool("kwok"), await toolSource("kwok", "sigs.k8s.io/kwok")];
    const cluster = await TestCluster.create();
    try {
      const env = { YOLO_STATE: cluster.state };
      await execa(process.execPath, [START], { env, stdin: "ignore" });
      await cluster.kubectl(["cordon", NODE_NAME]);
      return new SimulatedCluster(cluster, await startKwok(kwok, source, cluster.state));
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** File with the administrator's credentials. */
  get kubeconfig(): string {
    return join(this.#cluster.state, "kubeconfig");
  }

  /** Runs kubectl; rejects with what it wrote when it fails. */
  kubectl(args: string[], input = ""): Promise<string> {
    return this.#cluster.kubectl(args, input);
  }

  /** Applies objects in one call, with unknown and doubled fields refused. */
  apply(...items: object[]): Promise<string> {
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    return this.kubectl(["apply", "--validate=strict", "--filename", "-"], list);
  }

  /** Objects of a kind. */
  async list<T>(kind: string, ...args: string[]): Promise<T[]> {
    const text = await this.kubectl(["get", kind, "--ignore-not-found", "--output", "json", ...args]);
    return text === "" ? [] : (JSON.parse(text) as { items: T[] }).items;
  }

  /** Pods that are not about to go, of all namespaces. */
  async pods(): Promise<PlacedPod[]> {
    interface Pod {
      metadata: { name: string; namespace: string; labels?: Record<string, string>; deletionTimestamp?: string };
      spec: { nodeName?: string };
      status: { phase: string };
    }
    const pods = await this.list<Pod>("pods", "--all-namespaces");
    return pods
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata: { name, namespace, labels = {} }, spec, status }) => {
        return { name, namespace, labels, node: spec.nodeName, phase: status.phase };
      });
  }

  /** Ends kwok, stops the cluster and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#kwok.exitCode === null && this.#kwok.signalCode === null) {
      const closed = once(this.#kwok, "close");
      this.#kwok.kill("SIGKILL");
      await closed;
    }
    await this.#cluster[Symbol.asyncDispose]();
  }
}

async function startKwok(kwok: string, source: string, state: string): Promise<ReturnType<typeof spawn>> {
  const log = await open(join(state, "kwok.log"), "a");
  const args = [
    `--kubeconfig=${join(state, "kubeconfig")}`,
    `--manage-nodes-with-annotation-selector=${SIMULATED.key}=${SIMULATED.value}`,
    // Without a lease that is renewed, the node controller takes a node for lost after 50 seconds.
    "--node-lease-duration-seconds=40",
    ...STAGES.map((stage) => `--config=${join(source, "kustomize", "stage", stage)}`),
  ];
  // It ends with this process, however that ends.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", kwok, ...args], {
    // The node is on this machine; no proxy knows a way to it. What kwok keeps lies with the cluster.
    env: { ...process.env, NO_PROXY: "10.200.0.0/16", no_proxy: "10.200.0.0/16", KWOK_WORKDIR: join(state, "kwok") },
    stdio: ["ignore", log.fd, log.fd],
  });
  await once(child, "spawn");
  await log.close();
  return child;
}

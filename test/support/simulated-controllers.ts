import { setTimeout as sleep } from "node:timers/promises";
import { ApiClient } from "../../local/cluster/api.ts";
import type { SimulatedCluster } from "./simulated-cluster.ts";

/** How often it is looked what there is to do, in milliseconds. */
const INTERVAL_MS = 300;

/** Claims of this name get a volume that stays when its claim goes. */
export const KEPT = "kept";

/** What the simulated controllers ask of AWS. */
export interface Cloud {
  /** Makes a volume and returns its id. */
  makeVolume(): Promise<string>;
  deleteVolume(id: string): Promise<void>;
  /** Whether the driver of volumes runs: without it none is deleted any more. */
  driverRuns(): boolean;
}

interface Item {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    deletionTimestamp?: string;
    finalizers?: string[];
  };
  spec: {
    type?: string;
    storageClassName?: string;
    resources?: { requests: { storage: string } };
    csi?: { volumeHandle: string };
    persistentVolumeReclaimPolicy?: string;
  };
  status?: { phase?: string };
}

const FINALIZER = "test.yolo/balancer";

/**
 * Does on a cluster what the driver of volumes and the controllers of load balancers do, until it is disposed of: each claim
 * gets a volume, which goes after it; each Ingress and each Service with a load balancer goes once its own is gone.
 */
export class SimulatedControllers implements AsyncDisposable {
  /** `NAMESPACE/NAME` of each object whose load balancer was taken down. */
  readonly takenDown: string[] = [];
  readonly #stop = new AbortController();
  readonly #cluster: SimulatedCluster;
  readonly #cloud: Cloud;
  readonly #volumes = new Map<string, string>();
  readonly #running: Promise<void>;

  constructor(cluster: SimulatedCluster, cloud: Cloud) {
    this.#cluster = cluster;
    this.#cloud = cloud;
    this.#running = this.#react();
    // An error is thrown when it is disposed of.
    this.#running.catch(() => {});
  }

  async #react(): Promise<void> {
    using api = await ApiClient.fromFile(this.#cluster.kubeconfig);
    const list = async (path: string) => (await api.get<{ items: Item[] }>(path)).items;
    while (!this.#stop.signal.aborted) {
      for (const claim of await list("/api/v1/persistentvolumeclaims")) await this.#provide(api, claim);
      for (const volume of await list("/api/v1/persistentvolumes")) await this.#deleteVolume(volume);
      for (const ingress of await list("/apis/networking.k8s.io/v1/ingresses")) await this.#balance("ingress", ingress);
      for (const service of await list("/api/v1/services")) {
        if (service.spec.type === "LoadBalancer") await this.#balance("service", service);
      }
      await sleep(INTERVAL_MS);
    }
  }

  async #provide(api: ApiClient, { metadata: { name, namespace, uid }, spec, status }: Item): Promise<void> {
    if (status?.phase !== "Pending" || this.#volumes.has(uid)) return;
    const id = await this.#cloud.makeVolume();
    this.#volumes.set(uid, id);
    const volume = {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: `pvc-${uid}` },
      spec: {
        accessModes: ["ReadWriteOnce"],
        capacity: spec.resources?.requests,
        claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid },
        csi: { driver: "ebs.csi.aws.com", volumeHandle: id },
        persistentVolumeReclaimPolicy: name === KEPT ? "Retain" : "Delete",
        storageClassName: spec.storageClassName,
      },
    };
    await api.apply([volume]);
  }

  async #deleteVolume({ metadata: { name, deletionTimestamp }, spec, status }: Item): Promise<void> {
    if (status?.phase !== "Released" || spec.persistentVolumeReclaimPolicy !== "Delete") return;
    if (deletionTimestamp !== undefined || !this.#cloud.driverRuns()) return;
    await this.#cloud.deleteVolume(spec.csi?.volumeHandle ?? "");
    await this.#cluster.kubectl(["delete", "persistentvolume", name, "--wait=false"]);
  }

  async #balance(kind: string, { metadata }: Item): Promise<void> {
    const { name, namespace, deletionTimestamp, finalizers = [] } = metadata;
    const has = finalizers.includes(FINALIZER);
    const patch = (content: object, ...args: string[]) =>
      this.#cluster.kubectl([
        ...["patch", kind, name, "--namespace", namespace, "--type=merge", ...args],
        `--patch=${JSON.stringify(content)}`,
      ]);
    if (deletionTimestamp === undefined && !has) {
      await patch({ metadata: { finalizers: [...finalizers, FINALIZER] } });
      const status = { loadBalancer: { ingress: [{ hostname: `${namespace}-${name}.elb.invalid` }] } };
      await patch({ status }, "--subresource=status");
    } else if (deletionTimestamp !== undefined && has) {
      this.takenDown.push(`${namespace}/${name}`);
      await patch({ metadata: { finalizers: finalizers.filter((each) => each !== FINALIZER) } });
    }
  }

  /** Stops. Throws what went wrong meanwhile. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

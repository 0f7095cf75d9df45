import { existsSync } from "node:fs";
import { KUBECONFIG } from "../paths.ts";
import { ApiClient } from "./api.ts";
import { findNode, type NodeProcess, nodeProcesses } from "./processes.ts";
import { nodeReady } from "./readiness.ts";

/** A pod, in the words that `kubectl get pods` uses. */
export interface PodStatus {
  namespace: string;
  name: string;
  phase: string;
  readyContainers: number;
  containers: number;
  restarts: number;
}

/** What there is of the embedded cluster at this moment. */
export interface ClusterStatus {
  /** PID 1 of the node as the host numbers it; undefined when nothing runs. */
  pid: number | undefined;
  /** Whether the API server answers and says that the node can take pods. */
  ready: boolean;
  nodeAddress: string | undefined;
  /** Everything that runs inside the node, pods included. */
  processes: NodeProcess[];
  /** Resident memory of all processes together, in bytes. */
  rssBytes: number;
  /** Empty when the API server does not answer. */
  pods: PodStatus[];
  /** Where this machine reaches the Services that have a NodePort. Empty when the API server does not answer. */
  services: ServiceStatus[];
}

/** A port of a Service that this machine can reach. */
export interface ServiceStatus {
  namespace: string;
  name: string;
  url: string;
}

interface Pod {
  metadata: { namespace: string; name: string };
  status: { phase: string; containerStatuses?: { ready: boolean; restartCount: number }[] };
  spec: { containers: object[] };
}

interface Service {
  metadata: { namespace: string; name: string };
  spec: { ports?: { nodePort?: number }[] };
}

/** Looks at the embedded cluster without changing it; takes a few seconds at most, also when it does not answer. */
export async function clusterStatus(): Promise<ClusterStatus> {
  const node = findNode();
  const processes = node === undefined ? [] : nodeProcesses(node);
  const status: ClusterStatus = {
    pid: node?.init,
    ready: false,
    nodeAddress: undefined,
    processes,
    rssBytes: processes.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    pods: [],
    services: [],
  };
  if (node === undefined || !existsSync(KUBECONFIG)) return status;
  using api = await ApiClient.fromFile(KUBECONFIG);
  const list = <T>(path: string) =>
    api.get<{ items: T[] }>(path).then(
      ({ items }) => items,
      () => [],
    );
  const [ready, pods, services] = await Promise.all([
    nodeReady(api),
    list<Pod>("/api/v1/pods"),
    list<Service>("/api/v1/services"),
  ]);
  return {
    ...status,
    ready,
    nodeAddress: api.host,
    pods: pods.map(podStatus),
    services: services.flatMap((service) => serviceStatus(service, api.host)),
  };
}

function serviceStatus({ metadata: { namespace, name }, spec }: Service, nodeAddress: string): ServiceStatus[] {
  return (spec.ports ?? []).flatMap(({ nodePort }) =>
    nodePort === undefined ? [] : [{ namespace, name, url: `http://${nodeAddress}:${nodePort}` }],
  );
}

function podStatus({ metadata, status, spec }: Pod): PodStatus {
  const containers = status.containerStatuses ?? [];
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    phase: status.phase,
    readyContainers: containers.filter(({ ready }) => ready).length,
    containers: spec.containers.length,
    restarts: containers.reduce((sum, { restartCount }) => sum + restartCount, 0),
  };
}

import { METRICS } from "../../service/contract.ts";

/** Upper bounds of the service's histograms of seconds, in milliseconds, as service/src/telemetry/metrics.ts has them. */
export const LATENCY_BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const;

/** A bound that a latency objective can have. */
export type LatencyBoundMs = (typeof LATENCY_BOUNDS_MS)[number];

/** Metrics that every process of Node has: https://github.com/siimon/prom-client#default-metrics */
export const PROCESS = {
  eventLoopLagP99: "nodejs_eventloop_lag_p99_seconds",
  cpu: "process_cpu_seconds_total",
  memory: "process_resident_memory_bytes",
} as const;

/** Metrics of Prometheus itself about what it reads. */
export const SCRAPE = { up: "up" } as const;

/** Metrics of objects: https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics */
export const KUBE = {
  deploymentReplicas: "kube_deployment_spec_replicas",
  deploymentReady: "kube_deployment_status_replicas_ready",
  nodeCondition: "kube_node_status_condition",
  nodeLabels: "kube_node_labels",
  nodeInfo: "kube_node_info",
  nodeAllocatable: "kube_node_status_allocatable",
  podInfo: "kube_pod_info",
  podPhase: "kube_pod_status_phase",
  podRequests: "kube_pod_container_resource_requests",
  replicaSetCreated: "kube_replicaset_created",
  podRestarts: "kube_pod_container_status_restarts_total",
} as const;

/** Metrics of the kubelet: https://kubernetes.io/docs/reference/instrumentation/metrics/ */
export const KUBELET = {
  volumeFree: "kubelet_volume_stats_available_bytes",
  volumeSize: "kubelet_volume_stats_capacity_bytes",
  clientCertificateTtl: "kubelet_certificate_manager_client_ttl_seconds",
  serverCertificateTtl: "kubelet_certificate_manager_server_ttl_seconds",
} as const;

/** A metric of dcgm-exporter. */
interface Counter {
  type: "gauge" | "counter";
  help: string;
}

/**
 * Metrics of GPUs that the exporter has to be told to collect. Its own list has no throttling, and has profiling, which nothing
 * here reads. Source: https://github.com/NVIDIA/dcgm-exporter/blob/main/etc/default-counters.csv
 */
export const GPU_COUNTERS = {
  DCGM_FI_DEV_SM_CLOCK: { type: "gauge", help: "SM clock frequency (in MHz)." },
  DCGM_FI_DEV_GPU_TEMP: { type: "gauge", help: "GPU temperature (in C)." },
  DCGM_FI_DEV_POWER_USAGE: { type: "gauge", help: "Power draw (in W)." },
  DCGM_FI_DEV_GPU_UTIL: { type: "gauge", help: "GPU utilization (in %)." },
  DCGM_FI_DEV_MEM_COPY_UTIL: { type: "gauge", help: "Memory utilization (in %)." },
  DCGM_FI_DEV_FB_FREE: { type: "gauge", help: "Framebuffer memory free (in MiB)." },
  DCGM_FI_DEV_FB_USED: { type: "gauge", help: "Framebuffer memory used (in MiB)." },
  DCGM_FI_DEV_XID_ERRORS: { type: "gauge", help: "Value of the last XID error encountered." },
  DCGM_FI_DEV_THERMAL_VIOLATION: { type: "counter", help: "Throttling duration due to thermal constraints." },
  DCGM_FI_DEV_POWER_VIOLATION: { type: "counter", help: "Throttling duration due to power constraints." },
  DCGM_FI_DEV_ROW_REMAP_FAILURE: { type: "gauge", help: "Whether remapping of rows has failed" },
} as const satisfies Record<`DCGM_FI_${string}`, Counter>;

/** Name of a metric of dcgm-exporter. */
export type GpuMetric = keyof typeof GPU_COUNTERS;

/** The file that tells dcgm-exporter what to collect: the value `customMetrics` of its chart. */
export function gpuCountersCsv(): string {
  return Object.entries(GPU_COUNTERS)
    .map(([field, { type, help }]) => `${field}, ${type}, ${help}\n`)
    .join("");
}

type ValueOf<Table> = Table[keyof Table];

/** Histograms of the contract. */
export const HISTOGRAMS = [
  METRICS.requestDuration,
  METRICS.queueWait,
  METRICS.batchSize,
  METRICS.stageDuration,
] as const;

/** A histogram of the contract; Prometheus knows it by its buckets, sum and count only. */
export type Histogram = (typeof HISTOGRAMS)[number];

/** Every metric that others export and a query may use. A name that is not here does not compile. */
export type Metric =
  | Exclude<ValueOf<typeof METRICS>, Histogram>
  | `${Histogram}_${"bucket" | "sum" | "count"}`
  | ValueOf<typeof PROCESS>
  | ValueOf<typeof SCRAPE>
  | ValueOf<typeof KUBE>
  | ValueOf<typeof KUBELET>
  | GpuMetric;

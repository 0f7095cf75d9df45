import { DETECTOR } from "./fixture.ts";

/** Minutes of each world; its questions are asked at the end. */
export const MINUTES = 480;

/** Labels of the series of the detector's pod, of other objects of its, and of the GPU that it uses. */
const POD = 'namespace="yolo",job="detector",pod="detector-1"';
const OBJECT = 'namespace="yolo",deployment="detector"';
const GPU = 'Hostname="a",gpu="0"';
const PREDICT = `${POD},route="/predict"`;
const GPU_NODE =
  'label_nvidia_com_gpu_present="true",label_node_kubernetes_io_instance_type="g6.xlarge",label_yolo_pool="small"';
const REQUESTS = 'container="detector",resource="nvidia_com_gpu"';

const steady = (value: number) => `${value}x${MINUTES}`;
const growing = (perMinute: number) => `0+${perMinute}x${MINUTES}`;
/** As before until some minutes ago, and then something else; a series has one value more than steps. */
const since = (minutes: number, before: number, then: string) => `${before}x${MINUTES - minutes - 1} ${then}`;

/** A world where all is well: two pods on two nodes with GPUs, ten requests a second, each in time. */
export const HEALTHY: Readonly<Record<string, string>> = {
  [`yolo_requests_total{${PREDICT},code="200"}`]: growing(600),
  [`yolo_requests_total{${PREDICT},code="503"}`]: steady(0),
  [`yolo_requests_total{${POD},route="/health/ready",code="503"}`]: growing(60),
  [`yolo_request_duration_seconds_bucket{${PREDICT},le="1.0"}`]: growing(599),
  [`yolo_request_duration_seconds_bucket{${PREDICT},le="+Inf"}`]: growing(600),
  [`yolo_request_duration_seconds_count{${PREDICT}}`]: growing(600),
  [`yolo_queue_depth{${POD}}`]: steady(3),
  [`yolo_worker_restarts_total{${POD}}`]: steady(0),
  [`yolo_model_info{${POD},model="street",sha256="${DETECTOR.model.sha256}",provider="cuda"}`]: steady(1),
  [`nodejs_eventloop_lag_p99_seconds{${POD}}`]: steady(0.02),
  [`up{${POD}}`]: steady(1),
  [`kube_deployment_spec_replicas{${OBJECT}}`]: steady(2),
  [`kube_deployment_status_replicas_ready{${OBJECT}}`]: steady(2),
  'kube_pod_info{namespace="yolo",pod="detector-1",node="a"}': steady(1),
  'kube_pod_info{namespace="yolo",pod="detector-2",node="b"}': steady(1),
  'kube_pod_container_status_restarts_total{namespace="yolo",pod="detector-1",container="detector"}': steady(0),
  [`kube_pod_container_resource_requests{namespace="yolo",pod="detector-1",node="a",${REQUESTS}}`]: steady(1),
  [`kube_pod_container_resource_requests{namespace="yolo",pod="detector-2",node="b",${REQUESTS}}`]: steady(1),
  'kube_pod_status_phase{namespace="yolo",pod="detector-1",phase="Running"}': steady(1),
  'kube_pod_status_phase{namespace="yolo",pod="detector-2",phase="Running"}': steady(1),
  'kube_pod_status_phase{namespace="yolo",pod="detector-2",phase="Pending"}': steady(0),
  [`kube_node_labels{node="a",${GPU_NODE}}`]: steady(1),
  [`kube_node_labels{node="b",${GPU_NODE}}`]: steady(1),
  'kube_node_labels{node="c",label_node_kubernetes_io_instance_type="m7i.large",label_yolo_pool="system"}': steady(1),
  'kube_node_status_condition{node="a",condition="Ready",status="true"}': steady(1),
  'kube_node_status_condition{node="a",condition="AcceleratedHardwareReady",status="false"}': steady(0),
  'kubelet_volume_stats_available_bytes{namespace="monitoring",persistentvolumeclaim="p"}': steady(50),
  'kubelet_volume_stats_capacity_bytes{namespace="monitoring",persistentvolumeclaim="p"}': steady(100),
  'kubelet_certificate_manager_client_ttl_seconds{node="a"}': steady(2_000_000),
  'kubelet_certificate_manager_server_ttl_seconds{node="a"}': steady(2_000_000),
  [`DCGM_FI_DEV_GPU_UTIL{${GPU},namespace="yolo",pod="detector-1"}`]: steady(40),
  // A GPU without a pod: the exporter's own.
  'DCGM_FI_DEV_GPU_UTIL{Hostname="b",gpu="0",namespace="gpu",pod="gpu-dcgm-x"}': steady(0),
  [`DCGM_FI_DEV_XID_ERRORS{${GPU}}`]: steady(0),
  [`DCGM_FI_DEV_ROW_REMAP_FAILURE{${GPU}}`]: steady(0),
  [`DCGM_FI_DEV_GPU_TEMP{${GPU}}`]: steady(60),
  [`DCGM_FI_DEV_THERMAL_VIOLATION{${GPU}}`]: steady(5),
};

/** What differs from the healthy world (no series where there is no value), and which alerts then have a result. */
export interface World {
  name: string;
  changes: Readonly<Record<string, string | undefined>>;
  /** Series that only this world has. */
  more?: Readonly<Record<string, string>>;
  /** Names, with the window where there are several. */
  alerts: readonly string[];
}

const FAILED = `yolo_requests_total{${PREDICT},code="503"}`;
const ANSWERED = `yolo_requests_total{${PREDICT},code="200"}`;
const INFO = `yolo_model_info{${POD},model="street",sha256="${DETECTOR.model.sha256}",provider="cuda"}`;
const PHASE = 'kube_pod_status_phase{namespace="yolo",pod="detector-2",phase=';
const FREE = 'kubelet_volume_stats_available_bytes{namespace="monitoring",persistentvolumeclaim="p"}';
const burn = (objective: string, ...windows: string[]) =>
  windows.map((window) => `Yolo${objective}BudgetBurn ${window}`);

/** World in which nothing is known about the use of GPUs. */
export const CUT_BY_MIG = "MIG cuts all GPUs";

/** One world for each alert, and some in which one might fire by mistake. */
export const WORLDS: readonly World[] = [
  { name: "all is well", changes: {}, alerts: [] },
  {
    name: "a third of the requests has failed for half an hour",
    changes: { [FAILED]: since(30, 0, "0+300x30") },
    alerts: [...burn("Availability", "1h", "3d", "6h"), "YoloRequestsRejected"],
  },
  {
    name: "that was over ten minutes ago",
    changes: { [FAILED]: since(50, 0, "0+300x40 12000x9") },
    alerts: burn("Availability", "3d", "6h"),
  },
  {
    name: "the only request of the hour failed",
    changes: { [ANSWERED]: steady(0), [FAILED]: since(30, 0, "1x30") },
    alerts: [],
  },
  {
    name: "half of the answers are late",
    changes: { [`yolo_request_duration_seconds_bucket{${PREDICT},le="1.0"}`]: growing(300) },
    alerts: burn("Latency", "1h", "3d", "6h"),
  },
  {
    name: "the queue is almost full",
    changes: { [`yolo_queue_depth{${POD}}`]: steady(45) },
    alerts: ["YoloQueueFilling"],
  },
  {
    name: "workers die",
    changes: { [`yolo_worker_restarts_total{${POD}}`]: since(20, 0, "0+1x20") },
    alerts: ["YoloWorkersRestarting"],
  },
  {
    name: "the main thread is late",
    changes: { [`nodejs_eventloop_lag_p99_seconds{${POD}}`]: steady(0.5) },
    alerts: ["YoloEventLoopLagging"],
  },
  {
    name: "a pod has another model",
    changes: { [INFO]: undefined },
    more: { [INFO.replace(DETECTOR.model.sha256, "other")]: steady(1) },
    alerts: ["YoloModelMismatch"],
  },
  {
    name: "a pod runs on the CPU",
    changes: { [INFO]: undefined },
    more: { [INFO.replace("cuda", "cpu")]: steady(1) },
    alerts: ["YoloProviderMismatch"],
  },
  { name: "the pods do not answer Prometheus", changes: { [`up{${POD}}`]: steady(0) }, alerts: ["YoloMetricsMissing"] },
  { name: "Prometheus does not know the pods", changes: { [`up{${POD}}`]: undefined }, alerts: ["YoloMetricsMissing"] },
  {
    name: "there are no pods, because none are wanted",
    changes: { [`up{${POD}}`]: undefined, [`kube_deployment_spec_replicas{${OBJECT}}`]: steady(0) },
    alerts: [],
  },
  {
    name: "no pod is ready",
    changes: { [`kube_deployment_status_replicas_ready{${OBJECT}}`]: steady(0) },
    alerts: ["YoloNoReadyPods"],
  },
  {
    name: "there are as many pods as there may be",
    changes: { [`kube_deployment_spec_replicas{${OBJECT}}`]: steady(DETECTOR.replicas.max) },
    alerts: ["YoloScaledToLimit"],
  },
  {
    name: "both pods are on one node",
    changes: { 'kube_pod_info{namespace="yolo",pod="detector-2",node="b"}': undefined },
    more: { 'kube_pod_info{namespace="yolo",pod="detector-2",node="a"}': steady(1) },
    alerts: ["YoloPodsNotSpread"],
  },
  {
    name: "both pods are on the only node with a GPU",
    changes: {
      'kube_pod_info{namespace="yolo",pod="detector-2",node="b"}': undefined,
      [`kube_node_labels{node="b",${GPU_NODE}}`]: undefined,
    },
    more: { 'kube_pod_info{namespace="yolo",pod="detector-2",node="a"}': steady(1) },
    alerts: [],
  },
  {
    name: "a container restarts",
    changes: {
      'kube_pod_container_status_restarts_total{namespace="yolo",pod="detector-1",container="detector"}': since(
        20,
        0,
        "0+1x20",
      ),
    },
    alerts: ["YoloPodsRestarting"],
  },
  {
    name: "a node is not ready",
    changes: { 'kube_node_status_condition{node="a",condition="Ready",status="true"}': steady(0) },
    alerts: ["YoloNodeNotReady"],
  },
  {
    name: "a node reports broken hardware",
    changes: { 'kube_node_status_condition{node="a",condition="AcceleratedHardwareReady",status="false"}': steady(1) },
    alerts: ["YoloNodeUnhealthy"],
  },
  { name: "a volume is almost full", changes: { [FREE]: steady(3) }, alerts: ["YoloVolumeAlmostFull"] },
  { name: "a volume will be full soon", changes: { [FREE]: `24-0.01x${MINUTES}` }, alerts: ["YoloVolumeFilling"] },
  { name: "a volume is rather full, but stays so", changes: { [FREE]: steady(20) }, alerts: [] },
  {
    name: "a kubelet does not renew its certificate",
    changes: { 'kubelet_certificate_manager_client_ttl_seconds{node="a"}': steady(20_000) },
    alerts: ["YoloCertificateExpiring"],
  },
  {
    name: "a GPU fell off the bus",
    changes: { [`DCGM_FI_DEV_XID_ERRORS{${GPU}}`]: steady(79) },
    alerts: ["YoloGpuFailed"],
  },
  {
    name: "a program's fault stopped a GPU's work",
    changes: { [`DCGM_FI_DEV_XID_ERRORS{${GPU}}`]: since(5, 0, "31x5") },
    alerts: ["YoloGpuError"],
  },
  { name: "that was long ago", changes: { [`DCGM_FI_DEV_XID_ERRORS{${GPU}}`]: steady(31) }, alerts: [] },
  {
    name: "a GPU's memory cannot be mended",
    changes: { [`DCGM_FI_DEV_ROW_REMAP_FAILURE{${GPU}}`]: steady(1) },
    alerts: ["YoloGpuFailed"],
  },
  { name: "a GPU is hot", changes: { [`DCGM_FI_DEV_GPU_TEMP{${GPU}}`]: steady(90) }, alerts: ["YoloGpuHot"] },
  {
    name: "a GPU slows down",
    changes: { [`DCGM_FI_DEV_THERMAL_VIOLATION{${GPU}}`]: growing(1) },
    alerts: ["YoloGpuThrottled"],
  },
  {
    name: "a pod holds a GPU and does not use it",
    changes: { [`DCGM_FI_DEV_GPU_UTIL{${GPU},namespace="yolo",pod="detector-1"}`]: steady(1) },
    alerts: ["YoloGpuIdle"],
  },
  {
    name: "the pod of a GPU node is done",
    changes: { [`${PHASE}"Running"}`]: steady(0) },
    more: { [`${PHASE}"Succeeded"}`]: steady(1) },
    alerts: ["YoloGpuNodeUnused"],
  },
  {
    name: "a pod waits for a GPU",
    changes: { [`${PHASE}"Running"}`]: steady(0), [`${PHASE}"Pending"}`]: steady(1) },
    alerts: ["YoloGpuPodPending"],
  },
  {
    name: "the exporter of GPUs' figures is gone",
    changes: Object.fromEntries(
      Object.keys(HEALTHY)
        .filter((series) => series.startsWith("DCGM_FI_DEV_"))
        .map((series) => [series, undefined]),
    ),
    alerts: ["YoloGpuMetricsMissing"],
  },
  {
    name: CUT_BY_MIG,
    changes: Object.fromEntries(
      Object.keys(HEALTHY)
        .filter((series) => series.startsWith("DCGM_FI_DEV_GPU_UTIL"))
        .map((series) => [series, undefined]),
    ),
    more: {
      [`DCGM_FI_DEV_GPU_UTIL{${GPU},GPU_I_ID="7",GPU_I_PROFILE="1g.10gb",namespace="yolo",pod="detector-1"}`]:
        steady(0),
    },
    alerts: [],
  },
];

/** The series of a world in the notation of Prometheus' own tests. Throws an Error when it changes one that is not there. */
export function seriesOf({ changes, more = {} }: Pick<World, "changes" | "more">): string {
  for (const series of Object.keys(changes)) {
    if (!Object.hasOwn(HEALTHY, series))
      throw new Error(`Expected a series of the healthy world but received ${series}`);
  }
  const lines = Object.entries({ ...HEALTHY, ...changes, ...more }).flatMap(([series, values]) =>
    values === undefined ? [] : [`  ${series} ${values}\n`],
  );
  return `load 1m\n${lines.join("")}`;
}

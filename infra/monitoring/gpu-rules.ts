import { GPU_PRESENT_LABEL } from "../nodes/labels.ts";
import type { Alert } from "./alerts.ts";
import { KUBE } from "./metrics.ts";
import { aggregate, type Matchers, rate, series, shownLabel } from "./promql.ts";

/** Name by which kube-state-metrics shows the resource `nvidia.com/gpu`. */
export const GPU_RESOURCE_SHOWN = "nvidia_com_gpu";

/**
 * GPUs that a pod uses. The exporter names no pod for others, which then get the name of its own pod, in its own namespace
 * (infra/gpu/gpu-support.ts).
 */
export const USED_GPU: Matchers = { namespace: { matchesNot: "gpu|" }, pod: { not: "" } };

/**
 * GPUs that MIG does not cut: of its instances, which have this label, the exporter says nothing about use, or that there is none.
 * Source: https://github.com/NVIDIA/dcgm-exporter/issues/216
 */
export const UNCUT_GPU: Matchers = { GPU_I_ID: "" };

/** Nodes with GPUs. */
export const GPU_NODES = series(KUBE.nodeLabels, { [shownLabel(GPU_PRESENT_LABEL)]: "true" });

/** What running or waiting containers request of GPUs. */
export const REQUESTED_GPUS =
  `${series(KUBE.podRequests, { resource: GPU_RESOURCE_SHOWN })} and on (namespace, pod) ` +
  `(${series(KUBE.podPhase, { phase: { matches: "Pending|Running" } })} == 1)`;

/**
 * Errors after which a GPU must be reset or replaced: uncorrectable memory errors (48, 95, 140), failed row remapping (64),
 * NVLink (74), fallen off the bus (79), and its firmware not answering (119, 120).
 * Source: https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html
 */
export const FATAL_XIDS = [48, 64, 74, 79, 95, 119, 120, 140] as const;

/** Degrees Celsius near which data-centre GPUs begin to slow down (T4 85, A10G and L4 about 90, H100 87). */
export const HOT_CELSIUS = 84;

/** Percent below which a GPU that a pod holds counts as idle. */
const IDLE_PERCENT = 5;

/** Alerts about GPUs, of whatever uses them. */
export function gpuAlerts(): Alert[] {
  return [...errorAlerts(), ...heatAlerts(), ...idleAlerts()];
}

function errorAlerts(): Alert[] {
  const xid = series("DCGM_FI_DEV_XID_ERRORS");
  const fatal = FATAL_XIDS.map((code) => `${xid} == ${code}`).join(" or ");
  return [
    {
      name: "YoloGpuFailed",
      severity: "critical",
      expression: `${fatal} or ${series("DCGM_FI_DEV_ROW_REMAP_FAILURE")} > 0`,
      minutes: 0,
      summary: "A GPU is broken",
      description:
        "GPU {{ $labels.gpu }} of {{ $labels.Hostname }} reports an error that only a reset or another node ends.",
    },
    {
      name: "YoloGpuError",
      severity: "warning",
      // The metric keeps the last error for ever: only a change is news.
      expression: `${xid} > 0 and changes(${xid}[15m]) > 0`,
      minutes: 0,
      summary: "A GPU reported an error",
      description: "GPU {{ $labels.gpu }} of {{ $labels.Hostname }} reported XID {{ $value }}.",
    },
    {
      name: "YoloGpuMetricsMissing",
      severity: "warning",
      expression: `count(${GPU_NODES}) > 0 unless on () count(${series("DCGM_FI_DEV_GPU_TEMP")}) > 0`,
      minutes: 20,
      summary: "Nothing is known about the GPUs",
      description:
        "There are {{ $value }} nodes with GPUs, but no figures of any GPU: no other alert about them can fire.",
    },
  ];
}

function heatAlerts(): Alert[] {
  return [
    {
      name: "YoloGpuHot",
      severity: "warning",
      expression: `${series("DCGM_FI_DEV_GPU_TEMP")} > ${HOT_CELSIUS}`,
      minutes: 10,
      summary: "A GPU is hot",
      description: "GPU {{ $labels.gpu }} of {{ $labels.Hostname }} has {{ $value }} degrees Celsius.",
    },
    {
      name: "YoloGpuThrottled",
      severity: "warning",
      expression: `${rate("DCGM_FI_DEV_THERMAL_VIOLATION", {}, "5m")} > 0`,
      minutes: 15,
      summary: "A GPU runs slower because it is hot",
      description: "GPU {{ $labels.gpu }} of {{ $labels.Hostname }} lowers its clock because of its temperature.",
    },
  ];
}

function idleAlerts(): Alert[] {
  return [
    {
      name: "YoloGpuIdle",
      severity: "info",
      expression: `avg_over_time(${series("DCGM_FI_DEV_GPU_UTIL", { ...USED_GPU, ...UNCUT_GPU })}[1h]) < ${IDLE_PERCENT}`,
      minutes: 60,
      summary: "A GPU is held but hardly used",
      description:
        "{{ $labels.namespace }}/{{ $labels.pod }} used its GPU {{ $value | humanize }} percent of the last hour.",
    },
    {
      name: "YoloGpuNodeUnused",
      severity: "warning",
      expression: `${GPU_NODES} unless on (node) ${aggregate("sum", ["node"], REQUESTED_GPUS)} > 0`,
      minutes: 60,
      summary: "A node with GPUs is paid for and not used",
      description: "No pod on {{ $labels.node }} has asked for a GPU for an hour, and the node is still there.",
    },
    {
      name: "YoloGpuPodPending",
      severity: "warning",
      expression:
        `${aggregate("sum", ["namespace", "pod"], series(KUBE.podRequests, { resource: GPU_RESOURCE_SHOWN }))} > 0 ` +
        `and on (namespace, pod) ${series(KUBE.podPhase, { phase: "Pending" })} == 1`,
      minutes: 20,
      summary: "A pod waits for a GPU",
      description:
        "{{ $labels.namespace }}/{{ $labels.pod }} has waited for 20 minutes: no node with a free GPU came up.",
    },
  ];
}

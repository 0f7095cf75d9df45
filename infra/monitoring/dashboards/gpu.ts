import { FATAL_XIDS, HOT_CELSIUS } from "../gpu-rules.ts";
import type { GpuMetric } from "../metrics.ts";
import { rate, series } from "../promql.ts";
import type { DashboardPlan, Panel } from "./panel.ts";

const CHOSEN = { Hostname: { matches: "$node" } } as const;
const LEGEND = "{{Hostname}} {{gpu}}";

/** Use, memory, heat and errors of each GPU. */
export function gpuDashboard(): DashboardPlan {
  return {
    uid: "yolo-gpu",
    title: "YOLO / GPUs",
    description: "Use, memory, heat and errors of each GPU, as NVIDIA's DCGM exporter tells them.",
    variables: [{ name: "node", query: "label_values(DCGM_FI_DEV_GPU_TEMP, Hostname)", several: true }],
    sections: [
      {
        title: "Use",
        panels: [
          gauge(
            "Busy",
            "Percent of the time in which the GPU did anything; not known of MIG instances.",
            "DCGM_FI_DEV_GPU_UTIL",
            "percent",
          ),
          gauge(
            "Memory copied",
            "Percent of the time in which memory was read or written.",
            "DCGM_FI_DEV_MEM_COPY_UTIL",
            "percent",
          ),
          {
            title: "By pod",
            description: "With time-slicing the exporter names one of the pods that share a GPU only.",
            kind: "timeseries",
            unit: "percent",
            width: 8,
            queries: [
              {
                expression: `avg by (namespace, pod) (${series("DCGM_FI_DEV_GPU_UTIL", { ...CHOSEN, pod: { not: "" } })})`,
                legend: "{{namespace}}/{{pod}}",
              },
            ],
          },
        ],
      },
      {
        title: "Memory",
        panels: [
          gauge(
            "Memory in use",
            "A full memory ends the process that asks for more.",
            "DCGM_FI_DEV_FB_USED",
            "mbytes",
            12,
          ),
          gauge("Memory free", "What is left of it.", "DCGM_FI_DEV_FB_FREE", "mbytes", 12),
        ],
      },
      {
        title: "Health",
        panels: [
          gauge(
            "Temperature",
            "Beyond the line GPUs begin to slow down.",
            "DCGM_FI_DEV_GPU_TEMP",
            "celsius",
            8,
            HOT_CELSIUS,
          ),
          gauge("Power", "What the GPU draws.", "DCGM_FI_DEV_POWER_USAGE", "watt"),
          gauge(
            "Clock",
            "Megahertz; it falls when the GPU is hot or has nothing to do.",
            "DCGM_FI_DEV_SM_CLOCK",
            "short",
          ),
          {
            title: "Held back",
            description: "Above zero while heat or power hold the GPU back.",
            kind: "timeseries",
            unit: "short",
            width: 8,
            queries: [
              {
                expression: rate("DCGM_FI_DEV_THERMAL_VIOLATION", CHOSEN, "$__rate_interval"),
                legend: `heat ${LEGEND}`,
              },
              {
                expression: rate("DCGM_FI_DEV_POWER_VIOLATION", CHOSEN, "$__rate_interval"),
                legend: `power ${LEGEND}`,
              },
            ],
          },
          gauge(
            "Last error",
            `Its XID; ${FATAL_XIDS.join(", ")} need a reset or another node.`,
            "DCGM_FI_DEV_XID_ERRORS",
            "short",
          ),
          gauge("Broken memory", "1 where memory cannot be mended.", "DCGM_FI_DEV_ROW_REMAP_FAILURE", "short", 8, 1),
        ],
      },
    ],
  };
}

function gauge(
  title: string,
  description: string,
  metric: GpuMetric,
  unit: Panel["unit"],
  width = 8,
  limit?: number,
): Panel {
  return {
    title,
    description,
    kind: "timeseries",
    unit,
    width,
    queries: [{ expression: series(metric, CHOSEN), legend: LEGEND }],
    ...(limit !== undefined && { limit }),
  };
}

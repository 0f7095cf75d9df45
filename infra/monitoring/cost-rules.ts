import type { PriceTable } from "../cost/prices.ts";
import { POOL_LABEL } from "../nodes/labels.ts";
import type { Recording } from "./alerts.ts";
import { UNCUT_GPU } from "./gpu-rules.ts";
import { KUBE } from "./metrics.ts";
import { aggregate, copyLabel, series, shownLabel } from "./promql.ts";

/** Label of every node with its instance type: https://kubernetes.io/docs/reference/labels-annotations-taints/ */
export const INSTANCE_TYPE_LABEL = "node.kubernetes.io/instance-type";

/** List price of an instance type, of each node, and of the part of nodes with GPUs that goes by unused, in USD an hour. */
export const COST_SERIES = {
  price: "yolo:instance_type:usd_per_hour",
  node: "yolo:node:usd_per_hour",
  idle: "yolo:gpu_idle:usd_per_hour",
} as const;

/** What nodes cost, by the price table of the region: on demand, so that spot is cheaper. */
export function costRecordings(prices: PriceTable["instances"]): Recording[] {
  const typed = copyLabel(series(KUBE.nodeLabels), shownLabel(INSTANCE_TYPE_LABEL), "instance_type");
  const nodes = aggregate("max", ["node", "instance_type", "pool"], copyLabel(typed, shownLabel(POOL_LABEL), "pool"));
  // The exporter calls the node Hostname.
  const use = aggregate("avg", ["node"], copyLabel(series("DCGM_FI_DEV_GPU_UTIL", UNCUT_GPU), "Hostname", "node"));
  return [
    ...Object.entries(prices).map(([instanceType, usd]) => ({
      name: COST_SERIES.price,
      expression: `vector(${usd})`,
      labels: { instance_type: instanceType },
    })),
    { name: COST_SERIES.node, expression: `${nodes} * on (instance_type) group_left () ${COST_SERIES.price}` },
    { name: COST_SERIES.idle, expression: `${COST_SERIES.node} * on (node) group_left () (1 - ${use} / 100)` },
  ];
}

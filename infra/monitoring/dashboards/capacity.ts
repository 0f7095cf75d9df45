import { HOURS_PER_MONTH } from "../../cost/prices.ts";
import { GPU_PRESENT_LABEL, POOL_LABEL } from "../../nodes/labels.ts";
import { COST_SERIES } from "../cost-rules.ts";
import { GPU_RESOURCE_SHOWN, REQUESTED_GPUS } from "../gpu-rules.ts";
import { KUBE, KUBELET } from "../metrics.ts";
import { aggregate, series, shownLabel } from "../promql.ts";
import type { DashboardPlan, Panel, Section } from "./panel.ts";

/** What there is, what is used of it, and what it costs. */
export function capacityDashboard({ gpus, prices }: { gpus: boolean; prices: boolean }): DashboardPlan {
  return {
    uid: "yolo-capacity",
    title: "YOLO / Capacity and cost",
    description: "Nodes, GPUs and volumes, what is used of them, and what nodes cost by the list price.",
    variables: [],
    sections: [...(prices ? [cost(gpus)] : []), nodes(), ...(gpus ? [shares()] : []), volumes()],
  };
}

function cost(gpus: boolean): Section {
  const usd = (title: string, description: string, expression: string, width: number): Panel => ({
    title,
    description,
    kind: "stat",
    unit: "currencyUSD",
    width,
    queries: [{ expression, legend: "" }],
  });
  const total = aggregate("sum", [], COST_SERIES.node);
  return {
    title: "Cost",
    panels: [
      usd("Nodes, an hour", "List price on demand; spot is cheaper, and traffic and volumes come on top.", total, 6),
      usd("Nodes, a month", "The same if nothing changes.", `${total} * ${HOURS_PER_MONTH}`, 6),
      ...(gpus
        ? [
            usd(
              "Idle GPUs, an hour",
              "The share of nodes with GPUs that goes by unused.",
              aggregate("sum", [], COST_SERIES.idle),
              6,
            ),
          ]
        : []),
      {
        title: "By pool",
        description: "List price of the nodes of each pool, an hour.",
        kind: "timeseries",
        unit: "currencyUSD",
        width: 24,
        stacked: true,
        queries: [
          {
            expression: aggregate("sum", ["pool", "instance_type"], COST_SERIES.node),
            legend: "{{pool}} {{instance_type}}",
          },
        ],
      },
    ],
  };
}

function nodes(): Section {
  const pool = shownLabel(POOL_LABEL);
  const zone = "label_topology_kubernetes_io_zone";
  return {
    title: "Nodes",
    panels: [
      chart("Nodes by pool", "Nodes that exist.", [
        { expression: aggregate("count", [pool], series(KUBE.nodeLabels)), legend: `{{${pool}}}` },
      ]),
      chart("Nodes by zone", "A zone without nodes cannot take over.", [
        { expression: aggregate("count", [zone], series(KUBE.nodeLabels)), legend: `{{${zone}}}` },
      ]),
      chart("Not ready", "Nodes that take no pods.", [
        {
          expression: aggregate(
            "sum",
            ["node"],
            `${series(KUBE.nodeCondition, { condition: "Ready", status: "true" })} == bool 0`,
          ),
          legend: "{{node}}",
        },
      ]),
      chart("Nodes by system", "An update of nodes is under way while there are several.", [
        {
          expression: aggregate("count", ["kubelet_version", "os_image"], series(KUBE.nodeInfo)),
          legend: "{{kubelet_version}} {{os_image}}",
        },
      ]),
      chart("Pods that wait", "Pods for which there is no room, or whose image is on its way.", [
        {
          expression: aggregate("sum", ["namespace"], series(KUBE.podPhase, { phase: "Pending" })),
          legend: "{{namespace}}",
        },
      ]),
    ],
  };
}

function shares(): Section {
  return {
    title: "GPUs",
    panels: [
      chart("GPUs, or shares of them", "With sharing, a GPU counts as often as pods may share it.", [
        {
          expression: aggregate("sum", [], series(KUBE.nodeAllocatable, { resource: GPU_RESOURCE_SHOWN })),
          legend: "there are",
        },
        { expression: aggregate("sum", [], REQUESTED_GPUS), legend: "pods ask for" },
      ]),
      chart("Nodes with GPUs", "They cost whether pods use them or not.", [
        {
          expression: aggregate("count", [], series(KUBE.nodeLabels, { [shownLabel(GPU_PRESENT_LABEL)]: "true" })),
          legend: "nodes",
        },
      ]),
    ],
  };
}

function volumes(): Section {
  return {
    title: "Volumes",
    panels: [
      {
        ...chart("Filled", "Alerts fire at 95 percent, and before that when a volume will be full in four days.", [
          {
            expression: `1 - ${series(KUBELET.volumeFree)} / ${series(KUBELET.volumeSize)}`,
            legend: "{{namespace}} {{persistentvolumeclaim}}",
          },
        ]),
        unit: "percentunit",
        limit: 0.95,
      },
    ],
  };
}

function chart(title: string, description: string, queries: Panel["queries"]): Panel {
  return { title, description, kind: "timeseries", unit: "short", width: 8, queries };
}

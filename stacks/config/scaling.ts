import { z } from "zod";
import { flag, integer, oneOf } from "./expected.ts";

const scaleDownSchema = z.strictObject({
  unneededMinutes: integer(1, 1_440)
    .default(10)
    .describe("Minutes for which a node must have been unneeded before it goes."),
  delayAfterAddMinutes: integer(0, 1_440).default(10).describe("Minutes after a node came during which none goes."),
  utilizationPercent: integer(0, 100)
    .default(50)
    .describe("Requested share of a node, in percent, below which it counts as unneeded."),
});

const clusterAutoscalerSchema = z.strictObject({
  replicas: integer(1, 5).default(2).describe("Pods of the autoscaler, one of which works."),
  expander: oneOf("leastWaste", "mostPods", "random")
    .default("leastWaste")
    .describe("Which group grows where several could."),
  provisionMinutes: integer(2, 60)
    .default(10)
    .describe("Minutes to wait for a node before another group grows, because GPUs are often out of stock."),
  scaleDown: scaleDownSchema.prefault({}).describe("When nodes go."),
});

const consolidationSchema = z.strictObject({
  when: oneOf("empty", "emptyOrUnderutilized").default("emptyOrUnderutilized").describe("Which nodes may go."),
  afterMinutes: integer(0, 1_440)
    .default(10)
    .describe(
      "Minutes without a change of its pods after which a node may go: starting another one takes minutes, too.",
    ),
});

const karpenterSchema = z.strictObject({
  replicas: integer(1, 5)
    .default(2)
    .describe("Pods of Karpenter, each on a node of its own; at most nodes.system.min."),
  consolidation: consolidationSchema.prefault({}).describe("When nodes go because pods need fewer."),
  expireHours: integer(1, 8_760).default(720).describe("Hours after which a node is replaced."),
  terminationGraceMinutes: integer(1, 1_440)
    .default(60)
    .describe("Minutes that pods have to leave a node that goes, before they are ended."),
  maxUnavailable: integer(1, 1_000).default(1).describe("Nodes of a pool that go at a time."),
  nodeRepair: flag().default(true).describe("Whether nodes that stay unhealthy are replaced."),
});

const kedaSchema = z.strictObject({
  enabled: flag().default(true).describe("Whether KEDA is installed, which scales pods by metrics of Prometheus."),
  replicas: integer(1, 5).default(2).describe("Pods of each of KEDA's parts."),
});

/** How pods and nodes are added and removed. Every default of the Scaling component stands here. */
export const scalingSchema = z
  .strictObject({
    clusterAutoscaler: clusterAutoscalerSchema.prefault({}).describe("With nodes.autoscaler: clusterAutoscaler."),
    karpenter: karpenterSchema.prefault({}).describe("With nodes.autoscaler: karpenter."),
    keda: kedaSchema.prefault({}).describe("What adds and removes pods by metrics of the service."),
  })
  .describe("How pods and nodes are added and removed; which autoscaler of nodes there is, says nodes.autoscaler.");

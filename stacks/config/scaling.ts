import { z } from "zod";
import { flag, integer, oneOf } from "./expected.ts";

const scaleDownSchema = z.strictObject({
  unneededMinutes: integer(1, 1_440).default(10).describe("Minutes that a node must be hardly used before it goes."),
  delayAfterAddMinutes: integer(0, 1_440).default(10).describe("Minutes after a node came in which none goes."),
  utilizationPercent: integer(0, 100)
    .default(50)
    .describe(
      "Requested share of a node, of its GPUs where it has some, in percent, below which it counts as hardly used.",
    ),
});

const clusterAutoscalerSchema = z.strictObject({
  replicas: integer(1, 5).default(2).describe("Pods of which one works and the others wait to take over."),
  expander: oneOf("leastWaste", "mostPods", "random")
    .default("leastWaste")
    .describe(
      "Which group grows where several could: the one with the least left over, the one that takes most pods, or any.",
    ),
  provisionMinutes: integer(2, 60)
    .default(10)
    .describe(
      "Minutes until a node that does not come up is given up and another group is tried, because GPUs are often out of stock.",
    ),
  scaleDown: scaleDownSchema.prefault({}).describe("When nodes go."),
});

const consolidationSchema = z.strictObject({
  when: oneOf("empty", "emptyOrUnderutilized")
    .default("emptyOrUnderutilized")
    .describe("Whether nodes also go when their pods fit elsewhere or on a cheaper node, or only when they are empty."),
  afterMinutes: integer(0, 1_440)
    .default(10)
    .describe(
      "Minutes without a change of its pods after which a node may go; starting another one takes minutes, too.",
    ),
});

const karpenterSchema = z.strictObject({
  replicas: integer(1, 5)
    .default(2)
    .describe(
      "Pods of which one works and the others wait to take over, each on a system node of its own; at most nodes.system.min.",
    ),
  consolidation: consolidationSchema.prefault({}).describe("When nodes go because pods need fewer."),
  expireHours: integer(1, 8_760).default(720).describe("Hours after which a node is replaced."),
  terminationGraceMinutes: integer(1, 1_440)
    .default(60)
    .describe("Minutes that a node may take to drain before its pods are ended."),
  maxUnavailable: integer(1, 1_000).default(1).describe("Nodes of a pool that may be replaced or removed at a time."),
  nodeRepair: flag()
    .default(true)
    .describe("Whether nodes are replaced on which the node monitoring agent finds broken hardware."),
});

const kedaSchema = z.strictObject({
  enabled: flag().default(true).describe("Whether KEDA is installed, which scales pods by metrics of Prometheus."),
  replicas: integer(1, 5).default(2).describe("Pods of each of its three parts."),
});

/** How pods and nodes are added and removed. Every default of the Scaling component stands here. */
export const scalingSchema = z
  .strictObject({
    clusterAutoscaler: clusterAutoscalerSchema.prefault({}).describe("With nodes.autoscaler: clusterAutoscaler."),
    karpenter: karpenterSchema.prefault({}).describe("With nodes.autoscaler: karpenter."),
    keda: kedaSchema.prefault({}).describe("What adds and removes pods by metrics of the service."),
  })
  .describe("How pods and nodes are added and removed; which autoscaler of nodes there is, says nodes.autoscaler.");

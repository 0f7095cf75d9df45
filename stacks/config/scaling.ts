import { z } from "zod";
import { integer, oneOf } from "./expected.ts";

const SWITCH = { error: "true or false" };

const clusterAutoscalerSchema = z.strictObject({
  replicas: integer(1, 5).default(2),
  expander: oneOf("leastWaste", "mostPods", "random").default("leastWaste"),
  /** GPUs are often out of stock: the autoscaler's own 15 minutes are long where another group could grow. */
  provisionMinutes: integer(2, 60).default(10),
  scaleDown: z
    .strictObject({
      unneededMinutes: integer(1, 1_440).default(10),
      delayAfterAddMinutes: integer(0, 1_440).default(10),
      utilizationPercent: integer(0, 100).default(50),
    })
    .prefault({}),
});

const karpenterSchema = z.strictObject({
  replicas: integer(1, 5).default(2),
  consolidation: z
    .strictObject({
      when: oneOf("empty", "emptyOrUnderutilized").default("emptyOrUnderutilized"),
      /** Starting a GPU node takes minutes, so that one should not go with the first quiet one. */
      afterMinutes: integer(0, 1_440).default(10),
    })
    .prefault({}),
  /** 30 days, Karpenter's own default. */
  expireHours: integer(1, 8_760).default(720),
  terminationGraceMinutes: integer(1, 1_440).default(60),
  maxUnavailable: integer(1, 1_000).default(1),
  nodeRepair: z.boolean(SWITCH).default(true),
});

/** How pods and nodes are added and removed; which autoscaler of nodes there is, says nodes.autoscaler. */
export const scalingSchema = z.strictObject({
  clusterAutoscaler: clusterAutoscalerSchema.prefault({}),
  karpenter: karpenterSchema.prefault({}),
  keda: z.strictObject({ enabled: z.boolean(SWITCH).default(true), replicas: integer(1, 5).default(2) }).prefault({}),
});

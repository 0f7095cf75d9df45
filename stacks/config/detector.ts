import { z } from "zod";
import { detectorProblems } from "../../infra/detector/checks.ts";
import { CPU_QUANTITY, MEMORY_QUANTITY } from "../../infra/quantity.ts";
import { checked, DNS_LABEL, FILLED, integer, oneOf, text } from "./expected.ts";
import { servingSchema } from "./serving.ts";

const CPU = { what: 'a CPU quantity as text, such as "500m" or "2"', regex: CPU_QUANTITY };
const MEMORY = { what: 'a memory quantity such as "512Mi" or "2Gi"', regex: MEMORY_QUANTITY };
const TIME = { what: "hours and minutes from 00:00 to 23:59", regex: /^(?:[01]\d|2[0-3]):[0-5]\d$/ };
const CIDR_WHAT = "an address range such as 10.0.0.0/8";
const CIDR = { patternErrorMessage: `Expected ${CIDR_WHAT}` };

const replicasSchema = z.strictObject({
  min: integer(0, 1_000).default(2).describe("Fewest pods, at most max; 0 only with autoscaling.keda.awake."),
  max: integer(1, 1_000).default(10).describe("Most pods."),
});

const requestsSchema = z.strictObject({
  cpu: text(CPU).default("1").describe("Processors, at most limits.cpu; a whole number needs quotes."),
  memory: text(MEMORY).default("1Gi").describe("Memory, at most limits.memory."),
});

const limitsSchema = z.strictObject({
  cpu: text(CPU).optional().describe("Processors that a pod may use; what is idle on its node when left out."),
  memory: text(MEMORY)
    .default("2Gi")
    .describe("Memory beyond which a pod is killed; it must hold the workers and a full queue, see below."),
});

const resourcesSchema = z.strictObject({
  requests: requestsSchema.prefault({}).describe("What a pod is sure to get."),
  limits: limitsSchema.prefault({}).describe("What a pod may use."),
  gpus: integer(0, 16)
    .default(0)
    .describe(
      "GPUs, or shares of one, for each pod, which tolerates the taint nvidia.com/gpu; at least 1 with serving.executionProvider cuda or tensorrt, else 0.",
    ),
});

const awakeSchema = z.strictObject({
  days: z
    .array(oneOf("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
    .min(1, { error: "at least one day" })
    .default(["monday", "tuesday", "wednesday", "thursday", "friday"])
    .describe("Days of the week."),
  from: text(TIME).describe("When they begin."),
  to: text(TIME).describe("When they end, on the same day."),
  timeZone: text(FILLED).describe("Time zone by its name in the IANA database, such as Europe/Berlin or UTC."),
  replicas: integer(1, 1_000).default(1).describe("Fewest pods in these hours, from replicas.min to replicas.max."),
});

const kedaScalingSchema = z.strictObject({
  busyPerPod: integer(1, 100_000)
    .optional()
    .describe(
      "Requests, or streams, that a pod is to have at a time; serving.workers x serving.maxBatch when left out.",
    ),
  idleMinutes: integer(1, 1_440)
    .default(15)
    .describe("Minutes without requests and streams, outside of the awake hours, after which the last pod goes."),
  awake: awakeSchema.optional().describe("Hours in which there are pods whether or not there are requests."),
});

const autoscalingSchema = z.strictObject({
  cpuPercent: integer(1, 10_000)
    .default(70)
    .describe("Average use in percent of requests.cpu above which pods are added; reachable within limits.cpu."),
  memoryPercent: integer(1, 10_000)
    .default(90)
    .describe("Average use in percent of requests.memory above which pods are added; reachable within limits.memory."),
  keda: kedaScalingSchema
    .optional()
    .describe("Pods by requests and by the hour, down to none; on EKS with scaling.keda only. An empty map is enough."),
});

const serviceSchema = z.strictObject({
  type: oneOf("ClusterIP", "NodePort", "LoadBalancer")
    .default("ClusterIP")
    .describe("How Kubernetes offers the service; NodePort and LoadBalancer need a cidr in allowFrom."),
  nodePort: integer(30_000, 32_767)
    .optional()
    .describe("Port of every node, with NodePort only; Kubernetes chooses one when left out."),
});

const rolloutSchema = z.discriminatedUnion("mode", [
  z.strictObject({
    mode: z.literal("availability").describe("New pods come before old ones go."),
    maxSurge: integer(1, 1_000).default(1).describe("Pods that come at a time."),
  }),
  z.strictObject({
    mode: z.literal("resourceAware").describe("Old pods go before new ones come: where there is no room for one more."),
    maxUnavailable: integer(1, 1_000).default(1).describe("Pods that go at a time, less than replicas.min."),
  }),
]);

const tolerationSchema = z.strictObject({
  key: text(FILLED).describe("Key of the taint."),
  operator: oneOf("Exists", "Equal").default("Equal").describe("Whether any value is tolerated, or one."),
  value: text(FILLED).optional().describe("Value of the taint, with Equal."),
  effect: oneOf("NoSchedule", "PreferNoSchedule", "NoExecute")
    .optional()
    .describe("Effect of the taint; every one when left out."),
});

const callerSchema = z.union(
  [
    z.strictObject({
      cidr: z
        .union([z.cidrv4().meta(CIDR), z.cidrv6().meta(CIDR)], { error: CIDR_WHAT })
        .describe("Addresses that may call."),
    }),
    z.strictObject({ namespace: text(DNS_LABEL).describe("Namespace whose pods may call.") }),
  ],
  { error: `{ cidr: ${CIDR_WHAT} } or { namespace: name }` },
);

/** How the detection service runs. Every default of the Detector component stands here. */
export const detectorSchema = checked(
  z.strictObject({
    namespace: text(DNS_LABEL)
      .default("yolo")
      .describe("Namespace that the stack creates and owns; neither default nor kube-…."),
    replicas: replicasSchema.prefault({}).describe("Bounds of the number of pods."),
    resources: resourcesSchema.prefault({}).describe("What each pod has of its node."),
    gpuApi: oneOf("devicePlugin", "dra")
      .default("devicePlugin")
      .describe("How pods get GPUs: counted as nvidia.com/gpu, or claimed from the device class gpu.nvidia.com."),
    autoscaling: autoscalingSchema.prefault({}).describe("When pods are added."),
    service: serviceSchema.prefault({}).describe("Kubernetes' Service."),
    serving: servingSchema.prefault({}).describe("How the service itself works."),
    rollout: rolloutSchema.prefault({ mode: "availability" }).describe("How pods are replaced."),
    drainSeconds: integer(1, 600)
      .default(5)
      .describe("Seconds that a stopping pod still takes requests while load balancers forget it."),
    nodeSelector: z
      .record(text(FILLED), z.string({ error: "text, in quotes where it looks like a number" }))
      .default({})
      .describe("Labels of the nodes to run on."),
    tolerations: z.array(tolerationSchema).default([]).describe("Taints of nodes that the pods tolerate."),
    allowFrom: z
      .array(callerSchema)
      .default([])
      .describe("Who may call the service besides pods of its own namespace."),
  }),
  detectorProblems,
).describe("How the detection service runs.");

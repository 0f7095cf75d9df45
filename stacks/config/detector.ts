import { z } from "zod";
import { detectorProblems } from "../../infra/detector/checks.ts";
import { CPU_QUANTITY, MEMORY_QUANTITY } from "../../infra/quantity.ts";
import { ORIGIN } from "../../service/contract.ts";
import { ABSOLUTE_PATH, checked, DNS_LABEL, DNS_NAME, FILLED, integer, oneOf, text } from "./expected.ts";

const CPU = { what: 'a CPU quantity as text, such as "500m" or "2"', regex: CPU_QUANTITY };
const MEMORY = { what: 'a memory quantity such as "512Mi" or "2Gi"', regex: MEMORY_QUANTITY };
const CIDR_WHAT = "an address range such as 10.0.0.0/8";

/** Where the model files lie. */
export const modelStoreSchema = z.strictObject({
  volume: z.discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("hostPath"),
      /** Folder on the node; it must exist. */
      path: text(ABSOLUTE_PATH),
      /** Size that Kubernetes is told; nothing enforces it on a folder. */
      sizeGib: integer(1, 65_536).default(1),
      /** Host name of the one node that has the folder. */
      node: text(DNS_NAME).optional(),
    }),
    z.strictObject({
      type: z.literal("storageClass"),
      name: text(DNS_NAME),
      sizeGib: integer(1, 65_536),
      accessMode: oneOf("ReadOnlyMany", "ReadWriteOnce", "ReadWriteMany").default("ReadOnlyMany"),
    }),
    z.strictObject({
      type: z.literal("podClaim"),
      storageClass: text(DNS_NAME),
      sizeGib: integer(1, 65_536).default(10),
    }),
    z.strictObject({
      type: z.literal("pod"),
      /** Size beyond which the pod is ended. */
      sizeGib: integer(1, 1_024).default(2),
    }),
  ]),
});

const resourcesSchema = z.strictObject({
  requests: z.strictObject({ cpu: text(CPU).default("1"), memory: text(MEMORY).default("1Gi") }).prefault({}),
  /** No CPU limit by default: throttling a pod on an idle node only makes answers late. */
  limits: z.strictObject({ cpu: text(CPU).optional(), memory: text(MEMORY).default("1Gi") }).prefault({}),
  /** GPUs, or shares of one, for each pod. */
  gpus: integer(0, 16).default(0),
});

/** As the service's own setting: FETCH_HOSTS in service/src/config.ts. */
const FETCH_HOST = {
  what: "a host name such as images.example.com, *.example.com or images.example.com:8443",
  regex: /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?$/,
};
const PAGE_ORIGIN = { what: "an origin such as https://app.example.com as browsers write it, or *", regex: ORIGIN };

/** Credentials would stand in a ConfigMap, and in the repository before that. */
const ENDPOINT = {
  what: "an http: or https: address without a user, a password and a query",
  regex: /^https?:\/\/[^\s/?#@,]+(?:\/[^\s?#@,]*)?$/,
};

const servingSchema = z.strictObject({
  executionProvider: oneOf("cpu", "cuda", "tensorrt").default("cpu"),
  threads: integer(1, 256).default(1),
  /** As many as threads when left out, on a GPU two. */
  workers: integer(1, 256).optional(),
  maxBatch: integer(1, 128).default(1),
  maxBatchDelayMs: integer(0, 1_000).default(2),
  queueLimit: integer(1, 10_000).default(32),
  requestTimeoutMs: integer(100, 600_000).default(10_000),
  bodyLimitMib: integer(1, 256).default(10),
  pixelLimitMega: integer(1, 1_000).default(25),
  resize: oneOf("exact", "fast").default("exact"),
  fetchHosts: z.array(text(FETCH_HOST)).default([]),
  corsOrigins: z.array(text(PAGE_ORIGIN)).default([]),
  rateLimitPerMinute: integer(0, 1_000_000).default(0),
  otlpEndpoint: text(ENDPOINT).optional(),
  page: z.boolean({ error: "true or false" }).default(true),
  logLevel: oneOf("trace", "debug", "info", "warn", "error", "fatal").default("info"),
});

const tolerationSchema = z.strictObject({
  key: text(FILLED),
  operator: oneOf("Exists", "Equal").default("Equal"),
  value: text(FILLED).optional(),
  effect: oneOf("NoSchedule", "PreferNoSchedule", "NoExecute").optional(),
});

/** How the detection service runs. Every default of the Detector component stands here. */
export const detectorSchema = checked(
  z.strictObject({
    namespace: text(DNS_LABEL).default("yolo"),
    replicas: z.strictObject({ min: integer(1, 1_000).default(2), max: integer(1, 1_000).default(10) }).prefault({}),
    resources: resourcesSchema.prefault({}),
    /** How pods get GPUs. */
    gpuApi: oneOf("devicePlugin", "dra").default("devicePlugin"),
    /** Average use in percent of what a pod requests, above which pods are added. */
    autoscaling: z
      .strictObject({ cpuPercent: integer(1, 10_000).default(70), memoryPercent: integer(1, 10_000).default(90) })
      .prefault({}),
    service: z
      .strictObject({
        type: oneOf("ClusterIP", "NodePort", "LoadBalancer").default("ClusterIP"),
        /** The range is Kubernetes' own default for node ports. */
        nodePort: integer(30_000, 32_767).optional(),
      })
      .prefault({}),
    serving: servingSchema.prefault({}),
    rollout: z
      .discriminatedUnion("mode", [
        z.strictObject({ mode: z.literal("availability"), maxSurge: integer(1, 1_000).default(1) }),
        z.strictObject({ mode: z.literal("resourceAware"), maxUnavailable: integer(1, 1_000).default(1) }),
      ])
      .prefault({ mode: "availability" }),
    /** Seconds that a stopping pod still takes requests while load balancers forget it. */
    drainSeconds: integer(1, 600).default(5),
    nodeSelector: z
      .record(text(FILLED), z.string({ error: "text, in quotes where it looks like a number" }))
      .default({}),
    tolerations: z.array(tolerationSchema).default([]),
    /** Who may call the service besides pods of its own namespace. */
    allowFrom: z
      .array(
        z.union(
          [
            z.strictObject({ cidr: z.union([z.cidrv4(), z.cidrv6()], { error: CIDR_WHAT }) }),
            z.strictObject({ namespace: text(DNS_LABEL) }),
          ],
          { error: `{ cidr: ${CIDR_WHAT} } or { namespace: name }` },
        ),
      )
      .default([]),
  }),
  detectorProblems,
);

import { z } from "zod";
import { AMI_TYPES, type AmiType } from "../../infra/nodes/ami.ts";
import { nodesProblems } from "../../infra/nodes/checks.ts";
import { INSTANCE_TYPES, type InstanceTypeName } from "../../infra/nodes/instance-types.ts";
import { checked, DNS_LABEL, integer, namedMap, oneOf, text } from "./expected.ts";

const INSTANCE_TYPE_WHAT = "an instance type of infra/nodes/instance-types.ts, such as g6.xlarge or m7i.large";
const NAMES = Object.keys(INSTANCE_TYPES) as [InstanceTypeName, ...InstanceTypeName[]];
const AMIS = Object.keys(AMI_TYPES) as [AmiType, ...AmiType[]];

/** Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
const LABEL_KEY = {
  what: "a label such as team or example.com/team",
  regex: /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/,
};
const LABEL_VALUE = {
  what: "at most 63 letters, digits, hyphens, underscores and dots, in quotes where they look like a number,",
  regex: /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/,
};

const instanceTypesSchema = z
  .array(z.enum(NAMES, { error: INSTANCE_TYPE_WHAT }), { error: `a list, each ${INSTANCE_TYPE_WHAT},` })
  .min(1, { error: `at least one, each ${INSTANCE_TYPE_WHAT},` });

/** How each GPU is divided between pods. */
const sharingSchema = z.discriminatedUnion("mode", [
  z.strictObject({ mode: z.literal("none") }),
  /** The plugin's own limit is far above; more than 48 processes of CUDA do not fit the memory of any GPU of the table. */
  z.strictObject({ mode: z.literal("timeSlicing"), replicas: integer(2, 48) }),
  /** https://docs.nvidia.com/deploy/mps/when-to-use-mps.html#limitations: 48 clients of one GPU. */
  z.strictObject({ mode: z.literal("mps"), replicas: integer(2, 48) }),
  z.strictObject({
    mode: z.literal("mig"),
    profile: text({ what: "a MIG profile such as 1g.10gb", regex: /^[1-7]g\.\d{1,3}gb$/ }),
    instances: integer(1, 7),
  }),
]);

/** What every group has. */
const groupShape = {
  /** Number of nodes that each `pulumi up` sets; without it the autoscaler owns the number. */
  desired: integer(0, 450).optional(),
  /** Nodes that an update replaces at a time. */
  maxUnavailable: integer(1, 100).default(1),
  /** Release of the AMI; that of infra/versions.ts when left out. */
  releaseVersion: text({
    what: "a release such as 1.35.7-20260903 or 1.65.0-0be31b34",
    regex: /^[0-9a-f.-]+$/,
  }).optional(),
  labels: namedMap(LABEL_KEY, text(LABEL_VALUE)).default({}),
};

const systemSchema = z.strictObject({
  instanceTypes: instanceTypesSchema.default(["m7i.large"]),
  ami: z.enum(AMIS, { error: `one of ${AMIS.join(", ")}` }).default("AL2023_x86_64_STANDARD"),
  capacity: oneOf("spot", "onDemand").default("onDemand"),
  /** Two, so that what the cluster needs survives one of them. */
  min: integer(1, 450).default(2),
  max: integer(1, 450).default(4),
  diskGib: integer(20, 16_384).default(40),
  ...groupShape,
});

const gpuSchema = z.strictObject({
  instanceTypes: instanceTypesSchema,
  ami: z.enum(AMIS, { error: `one of ${AMIS.join(", ")}` }).default("AL2023_x86_64_NVIDIA"),
  capacity: oneOf("spot", "onDemand").default("spot"),
  /** None while nobody needs one. */
  min: integer(0, 450).default(0),
  max: integer(1, 450),
  /** Room for images with CUDA's libraries. */
  diskGib: integer(20, 16_384).default(100),
  sharing: sharingSchema.prefault({ mode: "none" }),
  ...groupShape,
});

/** The nodes of the cluster. 450 nodes is what one managed group holds: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html */
export const nodesSchema = checked(
  z.strictObject({
    autoscaler: oneOf("clusterAutoscaler", "karpenter").default("clusterAutoscaler"),
    /** Whether people may open a session on nodes through AWS Systems Manager. */
    ssm: z.boolean({ error: "true or false" }).default(false),
    /** Whether CloudWatch gets figures of each node every minute, which costs extra. */
    detailedMonitoring: z.boolean({ error: "true or false" }).default(false),
    system: systemSchema.prefault({}),
    gpu: namedMap(DNS_LABEL, gpuSchema).default({}),
  }),
  (nodes) => nodesProblems(nodes),
);

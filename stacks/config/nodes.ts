import { z } from "zod";
import { AMI_TYPES, type AmiType } from "../../infra/nodes/ami.ts";
import { nodesProblems } from "../../infra/nodes/checks.ts";
import { INSTANCE_TYPES, type InstanceTypeName } from "../../infra/nodes/instance-types.ts";
import { checked, DNS_LABEL, flag, integer, oneOf, text } from "./expected.ts";

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

/** At most 48: https://docs.nvidia.com/deploy/mps/when-to-use-mps.html#limitations, and more processes of CUDA fit the memory of no GPU. */
const replicas = integer(2, 48).describe("Pods that share a GPU.");

const sharingSchema = z.discriminatedUnion("mode", [
  z.strictObject({ mode: z.literal("none").describe("A GPU for each pod that asks for one.") }),
  z.strictObject({
    mode: z.literal("timeSlicing").describe("Pods take turns on a GPU, and share its memory."),
    replicas,
  }),
  z.strictObject({
    mode: z.literal("mps").describe("Pods use a GPU at the same time, each its share of memory."),
    replicas,
  }),
  z.strictObject({
    mode: z
      .literal("mig")
      .describe(
        "Each GPU is cut into parts with memory and processors of their own when its node starts; not every GPU can be.",
      ),
    profile: text({ what: "a MIG profile such as 1g.10gb", regex: /^[1-7]g\.\d{1,3}gb$/ }).describe(
      "Size of a part, one that the GPU of the instance types has; none of 4g with Bottlerocket.",
    ),
    instances: integer(1, 7).describe(
      "Parts of each GPU, at most as many as the profile allows; with Bottlerocket exactly as many.",
    ),
  }),
]);

const amiSchema = z.enum(AMIS, { error: `one of ${AMIS.join(", ")}` });

/** What every group has. 450 nodes is what one holds: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html */
const groupShape = {
  desired: integer(0, 450)
    .optional()
    .describe(
      "Number of nodes that each `pulumi up` sets, from min to max; without it the autoscaler owns the number.",
    ),
  maxUnavailable: integer(1, 100).default(1).describe("Nodes that an update replaces at a time."),
  releaseVersion: text({
    what: "a release such as 1.35.7-20260903 or 1.65.0-0be31b34",
    regex: /^[0-9a-f.-]+$/,
  })
    .optional()
    .describe("Release of the AMI; that of infra/versions.ts when left out."),
  labels: z
    .record(text(LABEL_KEY), text(LABEL_VALUE))
    .default({})
    .describe("Labels of the nodes besides the program's own."),
};

const systemSchema = z.strictObject({
  instanceTypes: instanceTypesSchema
    .default(["m7i.large"])
    .describe("Instance types without a GPU, of one architecture, that EKS may choose from."),
  ami: amiSchema.default("AL2023_x86_64_STANDARD").describe("Image of the nodes, for the architecture of their types."),
  capacity: oneOf("spot", "onDemand")
    .default("onDemand")
    .describe("Whether AWS may take the nodes back, for less money."),
  min: integer(1, 450)
    .default(2)
    .describe("Fewest nodes: two, so that what the cluster needs survives one of them; at most max."),
  max: integer(1, 450).default(4).describe("Most nodes."),
  diskGib: integer(20, 16_384).default(40).describe("Size in GiB of the disk with images and logs."),
  ...groupShape,
});

const gpuSchema = z.strictObject({
  instanceTypes: instanceTypesSchema.describe(
    "Instance types that EKS may choose from, of one architecture and with equally many GPUs of equal memory.",
  ),
  ami: amiSchema
    .default("AL2023_x86_64_NVIDIA")
    .describe("Image of the nodes with NVIDIA's driver, for the architecture of their types."),
  capacity: oneOf("spot", "onDemand").default("spot").describe("Whether AWS may take the nodes back, for less money."),
  min: integer(0, 450)
    .default(0)
    .describe("Fewest nodes, none while nobody needs one; at most max, and 0 with Karpenter."),
  max: integer(1, 450).describe("Most nodes; room for all pods of the detector, and of its rollout."),
  diskGib: integer(20, 16_384)
    .default(100)
    .describe("Size in GiB of the disk with images and logs; at least 30, for CUDA's libraries."),
  sharing: sharingSchema.prefault({ mode: "none" }).describe("How each GPU is divided between pods."),
  ...groupShape,
});

/** The nodes of the cluster. Every default of the NodeGroup component stands here. */
export const nodesSchema = checked(
  z.strictObject({
    autoscaler: oneOf("clusterAutoscaler", "karpenter")
      .default("clusterAutoscaler")
      .describe(
        "What adds and removes nodes; Karpenter needs two nodes in nodes.system, and knows no detector.gpuApi dra.",
      ),
    ssm: flag().default(false).describe("Whether people may open a session on nodes through AWS Systems Manager."),
    detailedMonitoring: flag()
      .default(false)
      .describe("Whether CloudWatch gets figures of each node every minute, which costs extra."),
    system: systemSchema.prefault({}).describe("Nodes for what the cluster itself runs."),
    gpu: z
      .record(text(DNS_LABEL), gpuSchema)
      .default({})
      .describe("Groups of nodes with GPUs, by a name of at most 55 characters for each."),
  }),
  (nodes) => nodesProblems(nodes),
).describe("The nodes of the cluster, in groups.");

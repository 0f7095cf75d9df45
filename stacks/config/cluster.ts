import { z } from "zod";
import { ADDON_VERSION_FORM, ADDONS, KUBERNETES_MINORS } from "../../infra/cluster/addon-versions.ts";
import { ACCESS_POLICIES, type AccessPolicy, CONTROL_PLANE_LOGS } from "../../infra/cluster/args.ts";
import { clusterProblems } from "../../infra/cluster/checks.ts";
import { checked, DNS_LABEL, FILLED, flag, oneOf, type Pattern, text } from "./expected.ts";
import { logRetentionSchema } from "./network.ts";

/** Sessions of roles and roles of AWS services get no access entry: https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html */
const PRINCIPAL: Pattern = {
  what: "the ARN of an IAM role or user, and not of a session of it,",
  regex: /^arn:aws[a-z-]*:iam::\d{12}:(?:role\/(?!aws-service-role\/)|user\/)[\w+=,.@/-]+$/,
};

const ADDON_VERSION: Pattern = {
  what: "the version of an add-on such as v1.22.4-eksbuild.3",
  regex: ADDON_VERSION_FORM,
};

const POLICIES = Object.keys(ACCESS_POLICIES) as [AccessPolicy, ...AccessPolicy[]];

const accessSchema = z.strictObject({
  principalArn: text(PRINCIPAL).describe(
    "ARN of the IAM role or user; another one in each entry, and not who deploys.",
  ),
  policy: oneOf(...POLICIES).describe("What it may do, as an access policy of EKS."),
  namespaces: z
    .array(text(DNS_LABEL))
    .optional()
    .describe("Namespaces to which the policy is limited; the whole cluster when left out, as clusterAdmin needs it."),
});

const endpointSchema = z.strictObject({
  publicCidrs: z
    .array(text(FILLED))
    .default([])
    .describe("Public addresses that reach the API server; without any, deploy from within the VPC."),
  privateCidrs: z
    .array(text(FILLED))
    .default([])
    .describe(
      "Addresses in the VPC, or in networks connected with it, that reach the API server besides its nodes; outside serviceCidr.",
    ),
});

/** A cluster that the program makes on Amazon EKS. Every default of the Cluster and ClusterAddons components stands here. */
export const eksClusterSchema = checked(
  z.strictObject({
    target: z.literal("eks").describe("A cluster that the stack makes on Amazon EKS."),
    version: z
      .enum(KUBERNETES_MINORS, { error: `one of ${KUBERNETES_MINORS.join(", ")}, in quotes,` })
      .describe("Kubernetes version, in quotes, raised by one minor at a time; only a change here upgrades a cluster."),
    endpoint: endpointSchema.prefault({}).describe("Who reaches the Kubernetes API."),
    access: z
      .record(text(DNS_LABEL), accessSchema)
      .default({})
      .describe("Who else than the role that deploys may use the Kubernetes API, by a name for each."),
    logs: z
      .array(oneOf(...CONTROL_PLANE_LOGS))
      .default(["api", "audit", "authenticator"])
      .describe("Logs of the control plane that CloudWatch gets."),
    logRetentionDays: logRetentionSchema.default(30).describe("Days that CloudWatch keeps them."),
    serviceCidr: text(FILLED)
      .default("172.20.0.0/16")
      .describe(
        "Private addresses of Kubernetes' Services, /12 to /24, outside network.cidr; a change replaces the cluster.",
      ),
    addonVersions: z
      .partialRecord(z.enum(ADDONS), text(ADDON_VERSION), { error: "a map of add-ons and versions" })
      .default({})
      .describe(
        "Versions of add-ons instead of those of infra/cluster/addon-versions.ts; kube-proxy of the minor of version.",
      ),
    deleteUnreachable: flag()
      .default(false)
      .describe(
        "Counts objects of a cluster that does not answer as deleted: only to tear down a stack whose cluster is gone.",
      ),
  }),
  clusterProblems,
).describe("A cluster that the stack makes on Amazon EKS.");

/** The cluster section of a stack on Amazon EKS. */
export type EksClusterConfig = z.infer<typeof eksClusterSchema>;

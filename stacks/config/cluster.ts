import { z } from "zod";
import { ADDON_VERSION_FORM, ADDONS, KUBERNETES_MINORS } from "../../infra/cluster/addon-versions.ts";
import { ACCESS_POLICIES, type AccessPolicy, CONTROL_PLANE_LOGS } from "../../infra/cluster/args.ts";
import { clusterProblems } from "../../infra/cluster/checks.ts";
import { checked, DNS_LABEL, FILLED, namedMap, oneOf, type Pattern, text } from "./expected.ts";
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
  principalArn: text(PRINCIPAL),
  policy: oneOf(...POLICIES),
  /** Namespaces to which the policy is limited; the whole cluster when left out. */
  namespaces: z.array(text(DNS_LABEL)).optional(),
});

/** A cluster that the program makes on Amazon EKS. Every default of the Cluster and ClusterAddons components stands here. */
export const eksClusterSchema = checked(
  z.strictObject({
    target: z.literal("eks"),
    /** Kubernetes version, one minor at a time; it has no default, so that nothing but a change here upgrades a cluster. */
    version: z.enum(KUBERNETES_MINORS, { error: `one of ${KUBERNETES_MINORS.join(", ")}, in quotes,` }),
    endpoint: z
      .strictObject({
        /** Public addresses that reach the API server; without any, deploy from within the VPC. */
        publicCidrs: z.array(text(FILLED)).default([]),
        /** Addresses in the VPC, or in networks connected with it, that reach the API server besides its nodes. */
        privateCidrs: z.array(text(FILLED)).default([]),
      })
      .prefault({}),
    /** Who else than the role that deploys may use the Kubernetes API, by a name for each. */
    access: namedMap(DNS_LABEL, accessSchema).default({}),
    logs: z.array(oneOf(...CONTROL_PLANE_LOGS)).default(["api", "audit", "authenticator"]),
    logRetentionDays: logRetentionSchema.default(30),
    /** Addresses of Services. A change replaces the cluster. */
    serviceCidr: text(FILLED).default("172.20.0.0/16"),
    /** Versions of add-ons instead of those of infra/cluster/addon-versions.ts. */
    addonVersions: z
      .partialRecord(z.enum(ADDONS), text(ADDON_VERSION), { error: "a map of add-ons and versions" })
      .default({}),
    /** Counts objects of a cluster that does not answer as deleted: only to tear down a stack whose cluster is gone. */
    deleteUnreachable: z.boolean({ error: "true or false" }).default(false),
  }),
  clusterProblems,
);

/** The cluster section of a stack on Amazon EKS. */
export type EksClusterConfig = z.infer<typeof eksClusterSchema>;

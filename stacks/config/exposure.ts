import { z } from "zod";
import { MANAGED_RULE_GROUPS, type ManagedRuleGroup, TLS_POLICIES } from "../../infra/exposure/args.ts";
import { exposureProblems, KEEP_ALIVE_SECONDS } from "../../infra/exposure/checks.ts";
import { checked, FILLED, integer, oneOf, text } from "./expected.ts";

const CERTIFICATE = {
  what: "the ARN of a certificate of ACM",
  regex: /^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[a-z0-9-]+$/,
};

/** As the Gateway API takes them, which takes more than the load balancer: https://gateway-api.sigs.k8s.io/reference/spec/#hostname */
const HOST = {
  what: "a host name such as detect.example.com or *.example.com",
  regex: /^(?=.{1,253}$)(?:\*\.)?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/,
};

const DEFINITIONS = {
  what: "the path of a manifest, or its address by https:",
  regex: /^(?:https:\/\/[^\s?#@]+|[^\s:]+)$/,
};

const GROUPS = Object.keys(MANAGED_RULE_GROUPS) as [ManagedRuleGroup, ...ManagedRuleGroup[]];

const wafSchema = z.strictObject({
  ruleGroups: z
    .array(oneOf(...GROUPS))
    .default(["ipReputation", "common", "knownBadInputs"])
    .describe("Rule groups that AWS maintains; at least one, or requestsPerFiveMinutes."),
  requestsPerFiveMinutes: integer(10, 2_000_000_000)
    .optional()
    .describe("Requests that one address may send in five minutes; no limit when left out."),
});

const shape = {
  scheme: oneOf("internal", "public")
    .default("internal")
    .describe("Whether the VPC, and networks connected with it, reach the load balancer, or the internet."),
  certificateArn: text(CERTIFICATE)
    .optional()
    .describe("Certificate in the stack's region, with which HTTP is answered by a redirect; public needs one."),
  tlsPolicy: oneOf(...TLS_POLICIES)
    .default("ELBSecurityPolicy-TLS13-1-2-2021-06")
    .describe("Versions and ciphers of TLS, as a policy of the load balancer."),
  hosts: z.array(text(HOST)).default([]).describe("Names under which the service is called; any when empty."),
  sourceRanges: z
    .array(text(FILLED))
    .default([])
    .describe('Addresses that may call: those of the VPC when empty, and public needs some ("0.0.0.0/0" for all).'),
  idleTimeoutSeconds: integer(1, KEEP_ALIVE_SECONDS - 1)
    .default(60)
    .describe(
      "Seconds without a byte after which the load balancer closes a connection; above serving.requestTimeoutMs.",
    ),
  waf: wafSchema.optional().describe("A firewall; none when left out."),
};

/** How the service is reached from outside the cluster. Every default of the Exposure component stands here. */
export const exposureSchema = z
  .discriminatedUnion("via", [
    z.strictObject({
      via: z.literal("none").describe("Not at all: neither a load balancer nor the controller that would make it."),
    }),
    checked(
      z.strictObject({ via: z.literal("ingress").describe("An Ingress describes the load balancer."), ...shape }),
      exposureProblems,
    ),
    checked(
      z.strictObject({
        via: z.literal("gateway").describe("Objects of the Gateway API describe it, which can weigh traffic."),
        ...shape,
        definitions: text(DEFINITIONS)
          .optional()
          .describe("Manifest with the Gateway API's definitions; from where the charts come when left out."),
      }),
      exposureProblems,
    ),
  ])
  .describe("How the service is reached from outside the cluster; needs a detector.drainSeconds of at least 15.");

/** The exposure section of a stack on Amazon EKS. */
export type ExposureConfig = z.infer<typeof exposureSchema>;

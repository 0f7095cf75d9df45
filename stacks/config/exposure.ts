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
  /** Rule groups that AWS maintains. */
  ruleGroups: z.array(oneOf(...GROUPS)).default(["ipReputation", "common", "knownBadInputs"]),
  /** Requests that one address may send in five minutes; no limit when left out. */
  requestsPerFiveMinutes: integer(10, 2_000_000_000).optional(),
});

const shape = {
  scheme: oneOf("internal", "public").default("internal"),
  /** Certificate of ACM in the stack's region; with one, HTTP is answered by a redirect to HTTPS. */
  certificateArn: text(CERTIFICATE).optional(),
  tlsPolicy: oneOf(...TLS_POLICIES).default("ELBSecurityPolicy-TLS13-1-2-2021-06"),
  /** Names under which the service is called; any when empty. */
  hosts: z.array(text(HOST)).default([]),
  /** Addresses that may call; those of the VPC for the scheme internal when empty. */
  sourceRanges: z.array(text(FILLED)).default([]),
  /** Seconds without a byte after which the load balancer closes a connection; streams are never quiet for more than 20. */
  idleTimeoutSeconds: integer(1, KEEP_ALIVE_SECONDS - 1).default(60),
  /** A firewall; none when left out. */
  waf: wafSchema.optional(),
};

/** How the service is reached from outside the cluster. Every default of the Exposure component stands here. */
export const exposureSchema = z.discriminatedUnion("via", [
  /** Not at all: neither a load balancer nor the controller that would make it. */
  z.strictObject({ via: z.literal("none") }),
  checked(z.strictObject({ via: z.literal("ingress"), ...shape }), exposureProblems),
  checked(
    z.strictObject({
      via: z.literal("gateway"),
      ...shape,
      /** The Gateway API's definitions; where the charts come from when left out. */
      definitions: text(DEFINITIONS).optional(),
    }),
    exposureProblems,
  ),
]);

/** The exposure section of a stack on Amazon EKS. */
export type ExposureConfig = z.infer<typeof exposureSchema>;

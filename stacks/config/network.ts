import { z } from "zod";
import { INTERFACE_ENDPOINTS } from "../../infra/network/args.ts";
import { networkProblems, zoneProblems } from "../../infra/network/checks.ts";
import { LOG_RETENTION_DAYS } from "../../infra/network/log-retention.ts";
import { MAX_ZONES, MIN_ZONES } from "../../infra/network/subnets.ts";
import { checked, FILLED, integer, oneOf, type Pattern, text } from "./expected.ts";

const ZONE_NAME: Pattern = { what: "the name of a zone such as us-west-2a", regex: /^[a-z]{2}(?:-[a-z]+)+-\d[a-z]$/ };

const ZONE_NAMES = { error: `the names of ${MIN_ZONES} to ${MAX_ZONES} zones` };

/** Days that CloudWatch keeps logs. */
export const logRetentionSchema = z.literal(LOG_RETENTION_DAYS, {
  error: `a number of days that CloudWatch has (${LOG_RETENTION_DAYS.join(", ")})`,
});

const flowLogsSchema = z.strictObject({
  retentionDays: logRetentionSchema.default(14).describe("Days that CloudWatch keeps the records."),
  traffic: oneOf("all", "rejected").default("all").describe("Connections that are recorded."),
});

/** The VPC of a cluster on EKS. Every default of the Network component stands here. */
export const networkSchema = checked(
  z.strictObject({
    cidr: text(FILLED)
      .default("10.0.0.0/16")
      .describe("Private addresses of the VPC, /16 to /20, outside cluster.serviceCidr; every pod has one of them."),
    zones: z
      .union(
        [integer(MIN_ZONES, MAX_ZONES), z.array(text(ZONE_NAME)).min(MIN_ZONES, ZONE_NAMES).max(MAX_ZONES, ZONE_NAMES)],
        {
          error: `${MIN_ZONES} to ${MAX_ZONES}, or the names of as many zones, such as [us-west-2a, us-west-2b],`,
        },
      )
      .default(MIN_ZONES)
      .describe(
        "How many zones, or which by name: names keep them where they are if AWS adds a zone, and one added at the end moves nothing.",
      ),
    nat: oneOf("single", "perZone")
      .default("single")
      .describe("One NAT gateway, which is cheaper, or one in each zone, so that the others go on when a zone fails."),
    interfaceEndpoints: z
      .array(oneOf(...INTERFACE_ENDPOINTS))
      .default([])
      .describe(
        "Services of AWS that are reached without the NAT gateway, at a price per hour and zone; S3 always is, at none.",
      ),
    flowLogs: flowLogsSchema.optional().describe("Records of connections in CloudWatch; none when left out."),
  }),
  (settings) => [
    ...networkProblems(settings),
    ...(typeof settings.zones === "number" ? [] : zoneProblems(settings.zones)),
  ],
).describe("The VPC of the cluster: a public and a private subnet in each zone, and the way out.");

/** The network section of a stack's configuration. */
export type NetworkConfig = z.infer<typeof networkSchema>;

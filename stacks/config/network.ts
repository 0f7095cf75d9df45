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

/** The VPC of a cluster on EKS. Every default of the Network component stands here. */
export const networkSchema = checked(
  z.strictObject({
    /** Private addresses of the VPC, /16 to /20; every pod has one of them. */
    cidr: text(FILLED).default("10.0.0.0/16"),
    /** How many zones, or which. Names keep them where they are if AWS adds a zone; a zone added at the end moves nothing. */
    zones: z
      .union(
        [integer(MIN_ZONES, MAX_ZONES), z.array(text(ZONE_NAME)).min(MIN_ZONES, ZONE_NAMES).max(MAX_ZONES, ZONE_NAMES)],
        {
          error: `${MIN_ZONES} to ${MAX_ZONES}, or the names of as many zones, such as [us-west-2a, us-west-2b],`,
        },
      )
      .default(MIN_ZONES),
    /** One NAT gateway, or one in each zone. */
    nat: oneOf("single", "perZone").default("single"),
    /** Services that are reached without the NAT gateway, at a price per hour and zone. S3 always is, at none. */
    interfaceEndpoints: z.array(oneOf(...INTERFACE_ENDPOINTS)).default([]),
    /** Records of connections; none when left out. */
    flowLogs: z
      .strictObject({ retentionDays: logRetentionSchema.default(14), traffic: oneOf("all", "rejected").default("all") })
      .optional(),
  }),
  (settings) => [
    ...networkProblems(settings),
    ...(typeof settings.zones === "number" ? [] : zoneProblems(settings.zones)),
  ],
);

/** The network section of a stack's configuration. */
export type NetworkConfig = z.infer<typeof networkSchema>;

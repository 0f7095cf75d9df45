import { z } from "zod";
import { monitoringProblems } from "../../infra/monitoring/checks.ts";
import { LATENCY_BOUNDS_MS } from "../../infra/monitoring/metrics.ts";
import { BURN_WINDOWS, LOWEST_OBJECTIVE_PERCENT, WINDOW_HOURS } from "../../infra/monitoring/slo.ts";
import { MEMORY_QUANTITY } from "../../infra/quantity.ts";
import { checked, DNS_LABEL, FILLED, integer, text } from "./expected.ts";

const MEMORY = { what: 'a memory quantity such as "512Mi" or "2Gi"', regex: MEMORY_QUANTITY };
const CHANNEL = { what: "a channel such as #alerts", regex: /^[#@][^\s]+$/ };
const MAIL = { what: "a mail address", regex: /^[^\s@]+@[^\s@]+$/ };
const SMARTHOST = { what: "a mail server with its port such as smtp.example.com:587", regex: /^[a-z0-9.-]+:\d{1,5}$/ };
const RUNBOOK = { what: "an https: address, or a path within the repository", regex: /^(?:https:\/\/)?[^\s#?]+$/ };

/** The longest window of the budget alerts must still be known. */
const SHORTEST_RETENTION_DAYS = Math.max(...BURN_WINDOWS.map(({ long }) => WINDOW_HOURS[long])) / 24;

/** Beyond 99.999 less than half a minute a month may fail, which no alert is fast enough for. */
const OBJECTIVE_WHAT = `a number from ${LOWEST_OBJECTIVE_PERCENT} (below it the fastest budget alert could never fire) to 99.999`;

function objective() {
  return z
    .number({ error: OBJECTIVE_WHAT })
    .min(LOWEST_OBJECTIVE_PERCENT, { error: OBJECTIVE_WHAT })
    .max(99.999, { error: OBJECTIVE_WHAT });
}

const receiverSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("slack").describe("A channel of Slack; secret: the incoming webhook's address."),
    channel: text(CHANNEL).describe("Channel or user that gets the alerts."),
  }),
  z.strictObject({
    type: z.literal("pagerduty").describe("A service of PagerDuty; secret: the integration key (Events API v2)."),
  }),
  z.strictObject({
    type: z.literal("webhook").describe("An address that gets alerts by POST; secret: the address."),
  }),
  z.strictObject({
    type: z.literal("email").describe("A mail address; secret: the password, where there is a user."),
    to: text(MAIL).describe("Who gets the alerts."),
    from: text(MAIL).describe("Who sends them."),
    smarthost: text(SMARTHOST).describe("Mail server with its port."),
    username: text(FILLED).optional().describe("User of the mail server; none when left out."),
  }),
]);

const routeSchema = z.array(text(DNS_LABEL), { error: "a list of names of receivers" }).default([]);

const routesSchema = z.strictObject({
  critical: routeSchema.describe("Receivers of alerts that should wake somebody up."),
  warning: routeSchema.describe("Receivers of alerts to look at in working hours."),
  info: routeSchema.describe("Receivers of what is good to know."),
});

const alertmanagerSchema = z.strictObject({
  replicas: integer(1, 5).default(1).describe("Pods of Alertmanager."),
  storageGib: integer(1, 1_024).default(2).describe("Size in GiB of each one's volume."),
  receivers: z
    .record(text(DNS_LABEL), receiverSchema)
    .default({})
    .describe(
      "Where alerts are sent, by a name that routes or heartbeat must use; its secret stands in yolo:receivers.",
    ),
  routes: routesSchema
    .prefault({})
    .describe("Names of receivers by severity; an alert without any is shown by Alertmanager only."),
  repeatHours: integer(1, 168).default(12).describe("Hours after which an alert that goes on is sent again."),
  heartbeat: text(DNS_LABEL)
    .optional()
    .describe("Receiver that gets a sign of life every five minutes, and must raise the alarm when it stops."),
});

const latencyWhat = `one of ${LATENCY_BOUNDS_MS.join(", ")}, the bounds of the service's histogram,`;

const latencySchema = z.strictObject({
  percent: objective().default(99).describe("Share of requests in percent that are answered within the threshold."),
  thresholdMs: z
    .literal([...LATENCY_BOUNDS_MS], { error: latencyWhat })
    .default(500)
    .describe("Milliseconds, as a bound of the service's histogram, because nothing between two bounds is known."),
});

const sloSchema = z.strictObject({
  availabilityPercent: objective()
    .default(99.5)
    .describe("Share of requests in percent that are not answered with 5xx."),
  latency: latencySchema.prefault({}).describe("How fast answers are."),
  minRequests: integer(0, 1_000_000)
    .default(100)
    .describe("Requests in a window below which no budget alert fires: one failed request of ten is no incident."),
});

/** Prometheus, Alertmanager and Grafana, and what the service promises. */
export const monitoringSchema = checked(
  z.strictObject({
    retentionDays: integer(SHORTEST_RETENTION_DAYS, 3_650)
      .default(15)
      .describe("Days that Prometheus keeps metrics, at least the longest window of the budget alerts."),
    storageGib: integer(5, 16_384)
      .default(50)
      .describe("Size in GiB of each Prometheus' volume; 30 nodes and 50 detectors write about 2 GiB a day."),
    replicas: integer(1, 4).default(1).describe("Prometheus servers, each of which reads and keeps everything."),
    memory: text(MEMORY).default("2Gi").describe("Memory of each Prometheus."),
    scrapeSeconds: integer(5, 60)
      .default(30)
      .describe("Seconds between two readings, of which the shortest window of the alerts needs five."),
    runbookUrl: text(RUNBOOK)
      .default("docs/runbooks.md")
      .describe("Address of docs/runbooks.md, to which each alert adds its own section."),
    alertmanager: alertmanagerSchema.prefault({}).describe("How alerts reach people."),
    slo: sloSchema.prefault({}).describe("What the service promises."),
  }),
  // The section's own name is in the path of whoever prints the problem.
  (settings) => monitoringProblems(settings).map((each) => ({ ...each, path: each.path.slice(1) })),
).describe("Prometheus, Alertmanager and Grafana, and what the service promises.");

/** What is printed in place of a value that nobody may see. */
const HIDDEN = { received: "[secret]" };

/** Shortest password that Grafana's administrator may have. */
const PASSWORD_LENGTH = 12;

/** The password of Grafana's administrator. */
export const grafanaPasswordSchema = z.string({ error: "a password as text" }).superRefine((password, context) => {
  if (password.length >= PASSWORD_LENGTH) return;
  context.addIssue({ code: "custom", message: `at least ${PASSWORD_LENGTH} characters`, params: HIDDEN });
});

/** What grants access to receivers, by their names; which ones there must be, receiverSecretProblems says. */
export const receiverSecretsSchema = z.record(
  text(DNS_LABEL),
  z.string({ error: "text" }).min(1, { error: "some text" }),
);

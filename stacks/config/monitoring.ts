import { z } from "zod";
import { monitoringProblems } from "../../infra/monitoring/checks.ts";
import { LATENCY_BOUNDS_MS } from "../../infra/monitoring/metrics.ts";
import { BURN_WINDOWS, LOWEST_OBJECTIVE_PERCENT, WINDOW_HOURS } from "../../infra/monitoring/slo.ts";
import { MEMORY_QUANTITY } from "../../infra/quantity.ts";
import { DNS_LABEL, FILLED, integer, text } from "./expected.ts";

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
  z.strictObject({ type: z.literal("slack"), channel: text(CHANNEL) }),
  z.strictObject({ type: z.literal("pagerduty") }),
  z.strictObject({ type: z.literal("webhook") }),
  z.strictObject({
    type: z.literal("email"),
    to: text(MAIL),
    from: text(MAIL),
    smarthost: text(SMARTHOST),
    username: text(FILLED).optional(),
  }),
]);

const routeSchema = z.array(text(DNS_LABEL), { error: "a list of names of receivers" }).default([]);

const alertmanagerSchema = z.strictObject({
  replicas: integer(1, 5).default(1),
  storageGib: integer(1, 1_024).default(2),
  receivers: z.record(text(DNS_LABEL), receiverSchema).default({}),
  routes: z.strictObject({ critical: routeSchema, warning: routeSchema, info: routeSchema }).prefault({}),
  repeatHours: integer(1, 168).default(12),
  heartbeat: text(DNS_LABEL).optional(),
});

const latencyWhat = `one of ${LATENCY_BOUNDS_MS.join(", ")}, the bounds of the service's histogram,`;

const sloSchema = z.strictObject({
  availabilityPercent: objective().default(99.5),
  latency: z
    .strictObject({
      percent: objective().default(99),
      thresholdMs: z.literal([...LATENCY_BOUNDS_MS], { error: latencyWhat }).default(500),
    })
    .prefault({}),
  minRequests: integer(0, 1_000_000).default(100),
});

/** Prometheus, Alertmanager and Grafana, and what the service promises. */
export const monitoringSchema = z
  .strictObject({
    retentionDays: integer(SHORTEST_RETENTION_DAYS, 3_650).default(15),
    /** One server with 30 nodes and 50 detectors writes about 2 GiB a day. */
    storageGib: integer(5, 16_384).default(50),
    replicas: integer(1, 4).default(1),
    memory: text(MEMORY).default("2Gi"),
    /** At least five readings in the shortest window of the alerts. */
    scrapeSeconds: integer(5, 60).default(30),
    runbookUrl: text(RUNBOOK).default("docs/runbooks.md"),
    alertmanager: alertmanagerSchema.prefault({}),
    slo: sloSchema.prefault({}),
  })
  .superRefine((settings, context) => {
    // Zod goes on to this check after a problem, and then with what it could not read.
    if (context.issues.length > 0) return;
    for (const { path, expected, received } of monitoringProblems(settings)) {
      // The section's own name is in the path of whoever prints the problem.
      context.addIssue({ code: "custom", path: path.slice(1), message: expected, params: { received } });
    }
  });

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

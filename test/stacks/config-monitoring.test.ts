import assert from "node:assert/strict";
import type { z } from "zod";
import { grafanaPasswordSchema, monitoringSchema, receiverSecretsSchema } from "../../stacks/config/monitoring.ts";
import { describeExpected, formatProblems } from "../../stacks/config/problems.ts";

/** The problems of a value, as they are printed. */
function problems(raw: unknown, schema: z.ZodType = monitoringSchema): string[] {
  const result = schema.safeParse(raw, { error: describeExpected });
  return result.success ? [] : formatProblems(result.error, raw).split("\n");
}

const OBJECTIVE = "a number from 93.06 (below it the fastest budget alert could never fire) to 99.999";

const REFUSED: [name: string, raw: unknown, message: string][] = [
  ["an unknown key", { retention: 3 }, "no such key for retention but received 3"],
  [
    "less time than the longest window of an alert",
    { retentionDays: 2 },
    "a whole number from 3 to 3650 for retentionDays but received 2",
  ],
  [
    "readings too rare for the shortest window",
    { scrapeSeconds: 120 },
    "a whole number from 5 to 60 for scrapeSeconds but received 120",
  ],
  [
    "an objective that no alert can notice",
    { slo: { availabilityPercent: 90 } },
    `${OBJECTIVE} for slo.availabilityPercent but received 90`,
  ],
  ["perfection", { slo: { latency: { percent: 100 } } }, `${OBJECTIVE} for slo.latency.percent but received 100`],
  [
    "a latency between two bounds of the histogram",
    { slo: { latency: { thresholdMs: 300 } } },
    "one of 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, the bounds of the service's histogram, " +
      "for slo.latency.thresholdMs but received 300",
  ],
  [
    "a kind of receiver that does not exist",
    { alertmanager: { receivers: { team: { type: "pager" } } } },
    'one of slack, pagerduty, webhook, email for alertmanager.receivers.team.type but received "pager"',
  ],
  [
    "an address, which is a secret, as part of a receiver",
    { alertmanager: { receivers: { team: { type: "webhook", url: "x" } } } },
    'no such key for alertmanager.receivers.team.url but received "x"',
  ],
  [
    "a route to nobody",
    { alertmanager: { routes: { critical: ["team"] } } },
    'a receiver of monitoring.alertmanager.receivers (there are none) for alertmanager.routes.critical.0 but received "team"',
  ],
];

describe("monitoringSchema", () => {
  it("fills in every default", () => {
    assert.deepEqual(monitoringSchema.parse({}), {
      retentionDays: 15,
      storageGib: 50,
      replicas: 1,
      memory: "2Gi",
      scrapeSeconds: 30,
      runbookUrl: "docs/runbooks.md",
      alertmanager: {
        replicas: 1,
        storageGib: 2,
        receivers: {},
        routes: { critical: [], warning: [], info: [] },
        repeatHours: 12,
      },
      slo: { availabilityPercent: 99.5, latency: { percent: 99, thresholdMs: 500 }, minRequests: 100 },
    });
  });

  it("takes every kind of receiver", () => {
    const receivers = {
      oncall: { type: "pagerduty" },
      team: { type: "slack", channel: "#alerts" },
      hook: { type: "webhook" },
      mail: { type: "email", to: "a@b.example", from: "c@d.example", smarthost: "smtp.example.com:587", username: "u" },
    };
    const routes = { critical: ["oncall", "team"], info: ["mail"] };
    assert.deepEqual(problems({ alertmanager: { receivers, routes, heartbeat: "hook" } }), []);
  });

  for (const [name, raw, message] of REFUSED) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(problems(raw), [`✖ Expected ${message}`]);
    });
  }
});

describe("Secrets of monitoring", () => {
  it("are refused without being printed", () => {
    const [message = ""] = problems("hunter2", grafanaPasswordSchema);
    assert.match(message, /at least 12 characters/);
    assert.doesNotMatch(message, /hunter2/);
    assert.deepEqual(problems("correct horse battery", grafanaPasswordSchema), []);
  });

  it("of receivers are texts by name", () => {
    assert.deepEqual(problems({ team: "https://hooks.example.com" }, receiverSecretsSchema), []);
    assert.equal(problems({ team: "" }, receiverSecretsSchema).length, 1);
  });
});

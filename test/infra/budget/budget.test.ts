import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { BudgetArgs } from "../../../infra/budget/args.ts";
import { Budget } from "../../../infra/budget/budget.ts";
import { find, installMocks, outputValue, settle } from "../../support/pulumi.ts";

const ARGS: BudgetArgs = {
  clusterName: "yolo-test",
  tags: { project: "yolo", stack: "test" },
  monthlyUsd: 500,
  scope: "stack",
  actualPercents: [80, 100],
  forecastPercents: [120],
  emails: ["team@example.com"],
  snsTopicArn: "arn:aws:sns:us-east-1:123456789012:costs",
};

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:Budget::budget";

/** Builds the component under mocks, which do not show that AWS accepts it. */
async function build(changes: Partial<BudgetArgs> = {}) {
  const recording = await installMocks();
  const parent = new pulumi.ComponentResource("test:Parent", "parent");
  const budget = new Budget("budget", { ...ARGS, ...changes }, { parent });
  await settle();
  const resource = find(recording, "aws:budgets/budget:Budget", "budget");
  return { budget, recording, resource };
}

describe("Budget", () => {
  it("counts what has all of the stack's tags, and tells when much is spent or going to be", async () => {
    const { budget, recording, resource } = await build();
    const message = (notificationType: string, threshold: number) => ({
      comparisonOperator: "GREATER_THAN",
      notificationType,
      threshold,
      thresholdType: "PERCENTAGE",
      subscriberEmailAddresses: ["team@example.com"],
      subscriberSnsTopicArns: ["arn:aws:sns:us-east-1:123456789012:costs"],
    });
    assert.equal(resource.parent, COMPONENT);
    assert.deepEqual(resource.inputs, {
      name: "yolo-test",
      budgetType: "COST",
      timeUnit: "MONTHLY",
      limitAmount: "500",
      limitUnit: "USD",
      filterExpression: {
        ands: [{ tags: { key: "project", values: ["yolo"] } }, { tags: { key: "stack", values: ["test"] } }],
      },
      metrics: "UnblendedCost",
      notifications: [message("ACTUAL", 80), message("ACTUAL", 100), message("FORECASTED", 120)],
    });
    assert.equal(await outputValue(budget.name), "yolo-test");
    assert.deepEqual(recording.outputs.get(COMPONENT), { name: "yolo-test" });
  });

  it("counts one tag without an and, and the whole account without a filter", async () => {
    const one = await build({ tags: { stack: "test" } });
    assert.deepEqual(one.resource.inputs.filterExpression, { tags: { key: "stack", values: ["test"] } });
    const { inputs } = (await build({ scope: "account" })).resource;
    assert.deepEqual([inputs.filterExpression, inputs.metrics], [undefined, undefined]);
  });

  it("sends messages by one way only where there is one", async () => {
    const byMail = await build({ snsTopicArn: undefined, forecastPercents: [], actualPercents: [100] });
    const [message] = byMail.resource.inputs.notifications as [Record<string, unknown>];
    assert.ok(!("subscriberSnsTopicArns" in message));
    const byTopic = await build({ emails: [], forecastPercents: [], actualPercents: [100] });
    const [other] = byTopic.resource.inputs.notifications as [Record<string, unknown>];
    assert.ok(!("subscriberEmailAddresses" in other));
  });

  it("lists every wrong argument", async () => {
    await assert.rejects(
      () =>
        build({ emails: [], snsTopicArn: undefined, actualPercents: [10, 20, 30, 40, 40], forecastPercents: [100] }),
      {
        message: [
          "Expected at least one, or snsTopicArn, for emails but received []",
          "Expected 1 to 5 messages, together with forecastPercents (100), for actualPercents but received [10,20,30,40,40]",
          "Expected each number once for actualPercents but received [10,20,30,40,40]",
        ].join("\n"),
      },
    );
    const emails = Array.from({ length: 11 }, (_, i) => `${i}@example.com`);
    await assert.rejects(() => build({ emails }), /Expected at most 10 \(or a topic for more\) for emails/);
  });
});

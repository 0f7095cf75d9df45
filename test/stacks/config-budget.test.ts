import assert from "node:assert/strict";
import { budgetSchema } from "../../stacks/config/budget.ts";
import { describeExpected, formatProblems } from "../../stacks/config/problems.ts";

/** The problems of a section, as they are printed. */
function problems(raw: unknown): string[] {
  const result = budgetSchema.safeParse(raw, { error: describeExpected });
  return result.success ? [] : formatProblems(result.error, raw).split("\n");
}

describe("budgetSchema", () => {
  it("fills in every default", () => {
    assert.deepEqual(budgetSchema.parse({ monthlyUsd: 300, emails: ["team@example.com"] }), {
      monthlyUsd: 300,
      scope: "stack",
      actualPercents: [50, 80, 100],
      forecastPercents: [100],
      emails: ["team@example.com"],
    });
  });

  it("reports every problem at once", () => {
    assert.deepEqual(problems({ emails: ["team"], actualPercents: [0], snsTopicArn: "costs", scope: "team" }), [
      "✖ Expected a whole number from 1 to 1000 for actualPercents[0] but received 0",
      '✖ Expected an e-mail address for emails[0] but received "team"',
      "✖ Expected a whole number from 1 to 100000000 for monthlyUsd but received nothing",
      '✖ Expected one of stack, account for scope but received "team"',
      '✖ Expected the ARN of a topic of SNS for snsTopicArn but received "costs"',
    ]);
  });

  it("refuses a budget that tells nobody", () => {
    assert.deepEqual(problems({ monthlyUsd: 300 }), [
      "✖ Expected at least one, or snsTopicArn, for emails but received []",
    ]);
  });
});

import type { Problem } from "../problems.ts";
import type { BudgetSettings } from "./args.ts";

/** Messages of one budget, and people that one goes to: https://docs.aws.amazon.com/cost-management/latest/userguide/management-limits.html */
export const MAX_NOTIFICATIONS = 5;
export const MAX_EMAILS = 10;

/** What is wrong with the settings of a budget; paths are those within the section. */
export function budgetProblems(settings: BudgetSettings): Problem[] {
  const { emails, snsTopicArn, actualPercents, forecastPercents } = settings;
  const problems: Problem[] = [];
  if (emails.length === 0 && snsTopicArn === undefined) {
    problems.push({ path: ["emails"], expected: "at least one, or snsTopicArn,", received: emails });
  }
  if (emails.length > MAX_EMAILS) {
    problems.push({ path: ["emails"], expected: `at most ${MAX_EMAILS} (or a topic for more)`, received: emails });
  }
  const count = actualPercents.length + forecastPercents.length;
  if (count === 0 || count > MAX_NOTIFICATIONS) {
    const expected = `1 to ${MAX_NOTIFICATIONS} messages, together with forecastPercents (${forecastPercents.join(", ")}),`;
    problems.push({ path: ["actualPercents"], expected, received: actualPercents });
  }
  for (const [key, percents] of Object.entries({ actualPercents, forecastPercents })) {
    if (new Set(percents).size === percents.length) continue;
    problems.push({ path: [key], expected: "each number once", received: percents });
  }
  return problems;
}

import { z } from "zod";
import { budgetProblems } from "../../infra/budget/checks.ts";
import { checked, integer, oneOf, text } from "./expected.ts";

const EMAIL = { what: "an e-mail address", regex: /^[^\s@]+@[^\s@]+\.[^\s@.]+$/ };
const TOPIC = { what: "the ARN of a topic of SNS", regex: /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/ };

/** A monthly budget with messages. Every default of the Budget component stands here. */
export const budgetSchema = checked(
  z.strictObject({
    monthlyUsd: integer(1, 100_000_000).describe("US dollars that a month may cost."),
    scope: oneOf("stack", "account")
      .default("stack")
      .describe("What counts: everything with the stack's tags, or the whole account."),
    actualPercents: z
      .array(integer(1, 1_000))
      .default([50, 80, 100])
      .describe("Percents of the budget at which a message is sent once they are spent."),
    forecastPercents: z
      .array(integer(1, 1_000))
      .default([100])
      .describe("Percents at which a message is sent once AWS forecasts them for the end of the month."),
    emails: z.array(text(EMAIL)).default([]).describe("Who gets the messages; at least one, or snsTopicArn."),
    snsTopicArn: text(TOPIC)
      .optional()
      .describe("Topic of SNS that gets the messages, too; AWS Budgets must be allowed to publish to it."),
  }),
  budgetProblems,
).describe("A monthly budget of AWS, with messages before it is spent.");

/** The budget section of a stack on Amazon EKS. */
export type BudgetConfig = z.infer<typeof budgetSchema>;

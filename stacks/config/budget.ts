import { z } from "zod";
import { budgetProblems } from "../../infra/budget/checks.ts";
import { checked, integer, oneOf, text } from "./expected.ts";

const EMAIL = { what: "an e-mail address", regex: /^[^\s@]+@[^\s@]+\.[^\s@.]+$/ };
const TOPIC = { what: "the ARN of a topic of SNS", regex: /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/ };

/** A monthly budget with messages. Every default of the Budget component stands here. */
export const budgetSchema = checked(
  z.strictObject({
    /** US dollars a month. */
    monthlyUsd: integer(1, 100_000_000),
    /** What has the stack's tags, or the whole account. */
    scope: oneOf("stack", "account").default("stack"),
    /** Percents at which a message is sent once they are spent. */
    actualPercents: z.array(integer(1, 1_000)).default([50, 80, 100]),
    /** Percents at which one is sent once AWS forecasts them. */
    forecastPercents: z.array(integer(1, 1_000)).default([100]),
    emails: z.array(text(EMAIL)).default([]),
    /** Topic that gets the messages, too. */
    snsTopicArn: text(TOPIC).optional(),
  }),
  budgetProblems,
);

/** The budget section of a stack on Amazon EKS. */
export type BudgetConfig = z.infer<typeof budgetSchema>;

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { refuseProblems } from "../problems.ts";
import type { BudgetArgs } from "./args.ts";
import { budgetProblems } from "./checks.ts";

/** A monthly budget that tells people when much of it is spent, or is going to be. It stops nothing. */
export class Budget extends pulumi.ComponentResource {
  /** Name of the budget. */
  readonly name: pulumi.Output<string>;

  /** Throws one ResourceError that lists every problem with the arguments. */
  constructor(name: string, args: BudgetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:Budget", name, {}, opts);
    const problems = budgetProblems(args);
    refuseProblems(problems, this);

    const budget = new aws.budgets.Budget(
      name,
      {
        name: args.clusterName,
        budgetType: "COST",
        timeUnit: "MONTHLY",
        limitAmount: String(args.monthlyUsd),
        limitUnit: "USD",
        ...(args.scope === "stack" && { filterExpression: tagFilter(args.tags), metrics: "UnblendedCost" }),
        notifications: [
          ...args.actualPercents.map((percent) => notification("ACTUAL", percent, args)),
          ...args.forecastPercents.map((percent) => notification("FORECASTED", percent, args)),
        ],
      },
      { parent: this },
    );
    this.name = budget.name;
    this.registerOutputs({ name: this.name });
  }
}

/**
 * Costs that have every one of the tags; AWS takes an "and" of two or more.
 * Source: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Expression.html
 */
function tagFilter(tags: Readonly<Record<string, string>>): aws.types.input.budgets.BudgetFilterExpression {
  const terms = Object.entries(tags).map(([key, value]) => ({ tags: { key, values: [value] } }));
  return terms.length === 1 ? { ...terms[0] } : { ands: terms };
}

function notification(
  notificationType: "ACTUAL" | "FORECASTED",
  threshold: number,
  { emails, snsTopicArn }: BudgetArgs,
): aws.types.input.budgets.BudgetNotification {
  return {
    comparisonOperator: "GREATER_THAN",
    notificationType,
    threshold,
    thresholdType: "PERCENTAGE",
    ...(emails.length > 0 && { subscriberEmailAddresses: [...emails] }),
    ...(snsTopicArn !== undefined && { subscriberSnsTopicArns: [snsTopicArn] }),
  };
}

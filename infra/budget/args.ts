/** Values that are chosen per stack. Defaults are those of the stack's configuration (stacks/config/budget.ts). */
export interface BudgetSettings {
  /** US dollars that a month may cost. */
  monthlyUsd: number;
  /** What counts: everything with the stack's tags, or the whole account. */
  scope: "stack" | "account";
  /** Percent of the budget at which a message is sent, once they are spent. */
  actualPercents: readonly number[];
  /** Percent at which a message is sent, once AWS forecasts them for the end of the month. */
  forecastPercents: readonly number[];
  emails: readonly string[];
  /** Topic of SNS that gets the messages, too; AWS Budgets must be allowed to publish to it. */
  snsTopicArn?: string | undefined;
}

/** Arguments of the Budget component. */
export interface BudgetArgs extends BudgetSettings {
  /** Name of the cluster, of which the budget's name is made. */
  clusterName: string;
  /** Tags of everything that the stack makes. They must be cost allocation tags of the account. */
  tags: Readonly<Record<string, string>>;
}

import type * as aws from "@pulumi/aws";
import { MANAGED_RULE_GROUPS, type ManagedRuleGroup, type WafSettings } from "./args.ts";

/** Seconds over which requests of an address are counted. */
const RATE_WINDOW_SECONDS = 300;

/**
 * Rules of groups that would refuse what the service is for, and that only count instead: photos are larger than 8 KB, and bytes
 * of an image look like anything; pictures are fetched from addresses that callers send.
 * Source: https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
 */
const COUNT_ONLY: Partial<Record<ManagedRuleGroup, readonly string[]>> = {
  common: [
    "SizeRestrictions_BODY",
    "EC2MetaDataSSRF_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "GenericRFI_QUERYARGUMENTS",
    "CrossSiteScripting_BODY",
  ],
};

/** A firewall that lets everything pass but what its rules refuse. Names are unique in a region of an account. */
export function webAclArgs(name: string, { ruleGroups, requestsPerFiveMinutes }: WafSettings): aws.wafv2.WebAclArgs {
  const limit = requestsPerFiveMinutes === undefined ? [] : [rateRule(requestsPerFiveMinutes)];
  const rules = [...limit, ...ruleGroups.map(groupRule)];
  return {
    name,
    description: `Requests to ${name}`,
    scope: "REGIONAL",
    defaultAction: { allow: {} },
    visibilityConfig: visibility(name),
    rules: rules.map((rule, priority) => ({ ...rule, priority })),
  };
}

type Rule = Omit<aws.types.input.wafv2.WebAclRule, "priority">;

function rateRule(limit: number): Rule {
  return {
    name: "rate",
    action: { block: { customResponse: { responseCode: 429 } } },
    statement: {
      rateBasedStatement: { aggregateKeyType: "IP", evaluationWindowSec: RATE_WINDOW_SECONDS, limit },
    },
    visibilityConfig: visibility("rate"),
  };
}

function groupRule(group: ManagedRuleGroup): Rule {
  const ruleActionOverrides = (COUNT_ONLY[group] ?? []).map((name) => ({ name, actionToUse: { count: {} } }));
  return {
    name: group,
    // The actions of the group's own rules stand.
    overrideAction: { none: {} },
    statement: {
      managedRuleGroupStatement: {
        vendorName: "AWS",
        name: MANAGED_RULE_GROUPS[group],
        ...(ruleActionOverrides.length > 0 && { ruleActionOverrides }),
      },
    },
    visibilityConfig: visibility(group),
  };
}

/** Counts in CloudWatch, and samples of requests for three hours. */
function visibility(metricName: string): aws.types.input.wafv2.WebAclVisibilityConfig {
  return { metricName, cloudwatchMetricsEnabled: true, sampledRequestsEnabled: true };
}

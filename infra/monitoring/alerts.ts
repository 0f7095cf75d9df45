import type { Severity } from "./args.ts";

/** An alert: when it fires, and what it tells people. */
export interface Alert {
  /** Also the heading of its section in docs/runbooks.md. */
  name: `Yolo${string}`;
  severity: Severity;
  /** Fires while this has a result. */
  expression: string;
  /** Minutes that it must have one. */
  minutes: number;
  /** What is wrong, in a few words. */
  summary: string;
  /** What that means, with the values; a text of Prometheus' templates. */
  description: string;
  /** More labels, which tell alerts of one name apart. */
  labels?: Readonly<Record<string, string>>;
}

/** A series that is worked out once in each interval, so that alerts and dashboards need not. */
export interface Recording {
  name: `${string}:${string}:${string}`;
  expression: string;
  labels?: Readonly<Record<string, string>>;
}

/** Rules that are evaluated one after the other. */
export interface RuleGroup {
  name: string;
  recordings?: readonly Recording[];
  alerts?: readonly Alert[];
}

/** A rule as Prometheus Operator takes it. */
export interface PrometheusRule {
  record?: string;
  alert?: string;
  expr: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** The spec of a PrometheusRule. */
export interface PrometheusRuleSpec {
  groups: { name: string; rules: PrometheusRule[] }[];
}

/** The spec of a PrometheusRule with these groups; each alert names its section of the runbooks. */
export function ruleSpec(groups: readonly RuleGroup[], runbookUrl: string): PrometheusRuleSpec {
  return {
    groups: groups.map(({ name, recordings = [], alerts = [] }) => ({
      name,
      rules: [...recordings.map(recordingRule), ...alerts.map((alert) => alertRule(alert, runbookUrl))],
    })),
  };
}

/** Address of an alert's section, as Markdown headings are addressed. */
export function runbookAddress(alert: Pick<Alert, "name">, runbookUrl: string): string {
  return `${runbookUrl}#${alert.name.toLowerCase()}`;
}

function recordingRule({ name, expression, labels }: Recording): PrometheusRule {
  return { record: name, expr: expression, ...(labels !== undefined && { labels: { ...labels } }) };
}

function alertRule(alert: Alert, runbookUrl: string): PrometheusRule {
  const { name, severity, expression, minutes, summary, description, labels } = alert;
  return {
    alert: name,
    expr: expression,
    ...(minutes > 0 && { for: `${minutes}m` }),
    labels: { ...labels, severity },
    annotations: { summary, description, runbook_url: runbookAddress(alert, runbookUrl) },
  };
}

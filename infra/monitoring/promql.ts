import type { Histogram, Metric } from "./metrics.ts";

/** What a label must be: a text, another than a text, or one that a regular expression matches as a whole or does not. */
export type Matcher = string | { not: string } | { matches: string } | { matchesNot: string };

/** What labels must be, by label. */
export type Matchers = Readonly<Record<string, Matcher>>;

/** A range of time as Prometheus writes it; Grafana's fits what it shows. */
export type Range = "2m" | "5m" | "15m" | "30m" | "1h" | "6h" | "3d" | "$__rate_interval";

/** A series that a recording rule makes: `level:metric:operations`. */
export type Recorded = `${string}:${string}:${string}`;

/** All series of a metric that match. */
export function series(metric: Metric | Recorded, matchers: Matchers = {}): string {
  const texts = Object.entries(matchers).map(([label, matcher]) => `${label}${matcherText(matcher)}`);
  return texts.length === 0 ? metric : `${metric}{${texts.join(",")}}`;
}

/** Growth of a counter in a second. */
export function rate(metric: Metric, matchers: Matchers, range: Range): string {
  return `rate(${series(metric, matchers)}[${range}])`;
}

/** Growth of a counter in the range. */
export function increase(metric: Metric, matchers: Matchers, range: Range): string {
  return `increase(${series(metric, matchers)}[${range}])`;
}

/** One series for each combination of the labels. */
export function aggregate(
  operator: "sum" | "max" | "min" | "avg" | "count",
  labels: readonly string[],
  expression: string,
) {
  return labels.length === 0 ? `${operator}(${expression})` : `${operator} by (${labels.join(", ")}) (${expression})`;
}

/** The value below which a share of a histogram's observations lies, for each combination of the labels. */
export function quantile(
  share: number,
  histogram: Histogram,
  { matchers, range, by = [] }: { matchers: Matchers; range: Range; by?: readonly string[] },
): string {
  const buckets = aggregate("sum", ["le", ...by], rate(`${histogram}_bucket`, matchers, range));
  return `histogram_quantile(${share}, ${buckets})`;
}

/** Mean of a histogram's observations, for each combination of the labels. */
export function mean(histogram: Histogram, matchers: Matchers, range: Range, by: readonly string[]): string {
  const sum = aggregate("sum", by, rate(`${histogram}_sum`, matchers, range));
  const count = aggregate("sum", by, rate(`${histogram}_count`, matchers, range));
  return `${sum} / ${count}`;
}

/** Gives each series another label with the value of one that it has. */
export function copyLabel(expression: string, from: string, to: string): string {
  return `label_replace(${expression}, "${to}", "$1", "${from}", "(.+)")`;
}

/** Name under which kube-state-metrics shows a label of an object. */
export function shownLabel(label: string): string {
  return `label_${label.replace(/[^A-Za-z0-9_]/g, "_")}`;
}

function matcherText(matcher: Matcher): string {
  if (typeof matcher === "string") return `=${JSON.stringify(matcher)}`;
  if ("not" in matcher) return `!=${JSON.stringify(matcher.not)}`;
  if ("matches" in matcher) return `=~${JSON.stringify(matcher.matches)}`;
  return `!~${JSON.stringify(matcher.matchesNot)}`;
}

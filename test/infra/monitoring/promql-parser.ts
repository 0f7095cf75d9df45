import { parser } from "@prometheus-io/lezer-promql";

/** Variables that Grafana replaces before it asks Prometheus. */
const VARIABLES: readonly [RegExp, string][] = [
  [/\$__rate_interval/g, "5m"],
  [/\$\w+/g, "x"],
];

/** What a query consists of. */
export interface ParsedQuery {
  /** Places that Prometheus' own grammar does not understand; none in a query that it takes. */
  errors: string[];
  /** Names of the metrics and recorded series. */
  metrics: string[];
  /** Names of the labels that it matches, groups by or joins on. */
  labels: string[];
}

/** Reads a query by Prometheus' grammar. It does not show that types fit, such as a range where a function wants one. */
export function parseQuery(query: string): ParsedQuery {
  const text = VARIABLES.reduce((result, [variable, value]) => result.replace(variable, value), query);
  const parsed: ParsedQuery = { errors: [], metrics: [], labels: [] };
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      if (type.isError) parsed.errors.push(`${text.slice(0, from)}⟨here⟩${text.slice(from)}`);
      if (type.name === "Identifier" && node.parent?.name === "VectorSelector")
        parsed.metrics.push(text.slice(from, to));
      if (type.name === "LabelName") parsed.labels.push(text.slice(from, to));
    },
  });
  return parsed;
}

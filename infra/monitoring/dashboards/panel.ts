/** A query, and how its series are called. */
export interface Query {
  expression: string;
  /** A text in which `{{label}}` stands for the label's value. */
  legend: string;
}

/** Units of Grafana: https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts */
export type Unit =
  | "short"
  | "reqps"
  | "s"
  | "percentunit"
  | "percent"
  | "bytes"
  | "mbytes"
  | "celsius"
  | "watt"
  | "currencyUSD";

/** A part of a dashboard. */
export interface Panel {
  title: string;
  /** What it tells, and when to worry. */
  description: string;
  kind: "timeseries" | "stat" | "table";
  unit: Unit;
  queries: readonly Query[];
  /** Columns of 24. */
  width: number;
  /** Whether areas stand on each other instead of lines beside each other. */
  stacked?: boolean;
  /** Value from which on it is shown in red. */
  limit?: number;
}

/** Panels below a heading. */
export interface Section {
  title: string;
  panels: readonly Panel[];
}

/** A choice at the top of a dashboard: the values of a label. */
export interface Variable {
  name: string;
  /** A query for label_values. */
  query: string;
  /** Whether several values may be chosen, and all are at first. */
  several: boolean;
}

/** A dashboard before it is Grafana's JSON. */
export interface DashboardPlan {
  /** Stays the same for ever: addresses of the dashboard contain it. */
  uid: string;
  title: string;
  description: string;
  variables: readonly Variable[];
  sections: readonly Section[];
}

const COLUMNS = 24;
const HEIGHTS = { timeseries: 8, stat: 4, table: 8 } as const;
const DATASOURCE = { type: "prometheus", uid: "$datasource" } as const;

/** Grafana's JSON of a dashboard: https://grafana.com/docs/grafana/v12.0/dashboards/build-dashboards/view-dashboard-json-model/ */
export function dashboardJson({ uid, title, description, variables, sections }: DashboardPlan) {
  return {
    uid,
    title,
    description,
    tags: ["yolo"],
    schemaVersion: 41,
    editable: false,
    graphTooltip: 1,
    refresh: "30s",
    timezone: "browser",
    time: { from: "now-6h", to: "now" },
    templating: {
      list: [
        { name: "datasource", label: "Data source", type: "datasource", query: "prometheus", current: {} },
        ...variables.map(variableJson),
      ],
    },
    panels: layout(sections),
  };
}

/** Grafana's JSON of a dashboard. */
export type DashboardJson = ReturnType<typeof dashboardJson>;

function variableJson({ name, query, several }: Variable) {
  return {
    name,
    type: "query",
    datasource: DATASOURCE,
    query: { qryType: 1, query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: several,
    includeAll: several,
    ...(several && { allValue: ".+", current: { text: "All", value: "$__all" } }),
  };
}

/** Panels from left to right, in lines that are as high as their highest panel. */
function layout(sections: readonly Section[]) {
  const panels: object[] = [];
  let y = 0;
  for (const section of sections) {
    panels.push({
      id: panels.length + 1,
      type: "row",
      title: section.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of section.panels) {
      if (x + panel.width > COLUMNS) {
        x = 0;
        y += height;
        height = 0;
      }
      const h = HEIGHTS[panel.kind];
      panels.push({ id: panels.length + 1, ...panelJson(panel), gridPos: { x, y, w: panel.width, h } });
      x += panel.width;
      height = Math.max(height, h);
    }
    y += height;
  }
  return panels;
}

function panelJson({ title, description, kind, unit, queries, stacked = false, limit }: Panel) {
  const steps = [{ color: "green", value: null }, ...(limit !== undefined ? [{ color: "red", value: limit }] : [])];
  return {
    type: kind,
    title,
    description,
    datasource: DATASOURCE,
    targets: queries.map(({ expression, legend }, index) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr: expression,
      legendFormat: legend,
      ...(kind === "timeseries" ? { range: true } : { instant: true, range: false }),
      ...(kind === "table" && { format: "table" }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        thresholds: { mode: "absolute", steps },
        ...(kind === "timeseries" && {
          custom: {
            fillOpacity: stacked ? 30 : 5,
            showPoints: "never",
            stacking: { mode: stacked ? "normal" : "none" },
            thresholdsStyle: { mode: limit === undefined ? "off" : "line" },
          },
        }),
      },
      overrides: [],
    },
    options: kind === "timeseries" ? { tooltip: { mode: "multi", sort: "desc" }, legend: { showLegend: true } } : {},
  };
}

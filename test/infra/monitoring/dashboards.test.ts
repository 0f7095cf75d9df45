import assert from "node:assert/strict";
import { dashboardPlans, dashboards } from "../../../infra/monitoring/dashboards/index.ts";
import { dashboardJson } from "../../../infra/monitoring/dashboards/panel.ts";

const ALL = { gpus: true, prices: true };

interface Placed {
  id: number;
  gridPos: { x: number; y: number; w: number; h: number };
}

describe("Dashboards", () => {
  it("are those of what a stack has", () => {
    assert.deepEqual(
      dashboards(ALL).map(({ file, content }) => [file, content.uid]),
      [
        ["service", "yolo-service"],
        ["gpu", "yolo-gpu"],
        ["capacity", "yolo-capacity"],
      ],
    );
    const plain = dashboards({ gpus: false, prices: false });
    assert.deepEqual(
      plain.map(({ file }) => file),
      ["service", "capacity"],
    );
    assert.doesNotMatch(JSON.stringify(plain), /DCGM_|usd_per_hour|nvidia/);
  });

  it("explain each panel, and ask it something", () => {
    for (const { plan } of dashboardPlans(ALL)) {
      for (const { title, description, queries, width } of plan.sections.flatMap(({ panels }) => panels)) {
        assert.match(description, /\.$/, title);
        assert.ok(queries.length > 0 && width > 0 && width <= 24, title);
      }
    }
  });

  it("use the variables that they have only", () => {
    for (const { plan } of dashboardPlans(ALL)) {
      const known = [...plan.variables.map(({ name }) => name), "__rate_interval"];
      const used = [...JSON.stringify(plan.sections).matchAll(/\$(\w+)/g)].map(([, name = ""]) => name);
      assert.deepEqual(
        used.filter((name) => !known.includes(name)),
        [],
        plan.title,
      );
    }
  });

  it("place panels beside and below each other, never over each other, and number each once", () => {
    for (const { content } of dashboards(ALL)) {
      const panels = content.panels as Placed[];
      assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
        assert.ok(x + w <= 24);
        return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`);
      });
      assert.equal(new Set(cells).size, cells.length, content.title);
    }
  });

  it("become Grafana's JSON, with the data source that is chosen", () => {
    const { templating, panels, editable } = dashboardJson({
      uid: "x",
      title: "X",
      description: "Y",
      variables: [{ name: "node", query: "label_values(up, node)", several: true }],
      sections: [
        {
          title: "S",
          panels: [
            {
              title: "P",
              description: "D.",
              kind: "timeseries",
              unit: "s",
              width: 12,
              limit: 5,
              queries: [
                { expression: "up", legend: "{{job}}" },
                { expression: "1", legend: "one" },
              ],
            },
          ],
        },
      ],
    });
    assert.equal(editable, false);
    assert.deepEqual(
      templating.list.map(({ name, type }) => [name, type]),
      [
        ["datasource", "datasource"],
        ["node", "query"],
      ],
    );
    const [row, panel] = panels as {
      type: string;
      targets?: object[];
      fieldConfig?: { defaults: { thresholds: object } };
    }[];
    assert.equal(row?.type, "row");
    const datasource = { type: "prometheus", uid: "$datasource" };
    assert.deepEqual(panel?.targets, [
      { refId: "A", datasource, expr: "up", legendFormat: "{{job}}", range: true },
      { refId: "B", datasource, expr: "1", legendFormat: "one", range: true },
    ]);
    assert.deepEqual(panel?.fieldConfig?.defaults.thresholds, {
      mode: "absolute",
      steps: [
        { color: "green", value: null },
        { color: "red", value: 5 },
      ],
    });
  });
});

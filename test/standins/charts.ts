import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { CHARTS, type ChartPin } from "../../infra/versions.ts";
import { moduleSource } from "../support/tools.ts";

/** Prometheus' definitions, of a version that is served as a Go module: older than the chart's, with the fields that we set. */
const PROMETHEUS_OPERATOR = {
  module: "github.com/prometheus-operator/prometheus-operator",
  version: "v0.85.0",
  sum: "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
};

/** What the program makes itself, besides the charts. */
const DEFINITIONS = ["servicemonitors", "prometheusrules"];

/** The only object of a chart: the values that it was given. */
const VALUES = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-values
  namespace: {{ .Release.Namespace }}
data:
  values.json: {{ .Values | toJson | quote }}
`;

/** The texts of the definitions of the objects of Prometheus' operator that the program makes. */
export async function prometheusDefinitions(): Promise<string[]> {
  const folder = join(await moduleSource(PROMETHEUS_OPERATOR), "example", "prometheus-operator-crd");
  return Promise.all(
    DEFINITIONS.map((plural) => readFile(join(folder, `monitoring.coreos.com_${plural}.yaml`), "utf8")),
  );
}

/** Writes a stand-in for each chart of the program, none of whose real ones can be fetched in a test, into a folder. */
export async function writeCharts(folder: string): Promise<void> {
  for (const { chart, version } of Object.values<ChartPin>(CHARTS)) {
    const name = basename(chart);
    const templates = join(folder, name, "templates");
    await mkdir(templates, { recursive: true });
    await writeFile(join(folder, name, "Chart.yaml"), JSON.stringify({ apiVersion: "v2", name, version }));
    await writeFile(join(templates, "values.yaml"), VALUES);
  }
  for (const [n, text] of (await prometheusDefinitions()).entries()) {
    // As templates, like those of the real chart; what Helm would read as its own is text here.
    const file = join(folder, CHARTS.prometheusOperatorCrds.chart, "templates", `definition-${n}.yaml`);
    await writeFile(file, text.replaceAll("{{", '{{ "{{" }}'));
  }
}

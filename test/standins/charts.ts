import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { CHARTS, type ChartName, type ChartPin } from "../../infra/versions.ts";
import { moduleSource, type SourcePin } from "../support/tools.ts";

/** Where the definitions lie that the real chart brings as templates. */
interface Definitions extends SourcePin {
  chart: ChartName;
  folder: string;
  files: readonly string[];
}

/** Definitions of the objects that the program makes. */
const DEFINITIONS: readonly Definitions[] = [
  {
    chart: "prometheusOperatorCrds",
    module: "github.com/prometheus-operator/prometheus-operator",
    // The newest that is served as a Go module: older than the chart's, with the fields that we set.
    version: "v0.85.0",
    sum: "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
    folder: "example/prometheus-operator-crd",
    files: ["monitoring.coreos.com_servicemonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml"],
  },
  {
    chart: "keda",
    module: "github.com/kedacore/keda/v2",
    version: "v2.20.2",
    sum: "h1:SR60v8uIcelbveS8n/1jcl8tLdBBIbHMxmdOHw8tKqA=",
    folder: "config/crd/bases",
    files: ["keda.sh_scaledobjects.yaml"],
  },
  {
    chart: "karpenterCrd",
    module: "github.com/aws/karpenter-provider-aws",
    version: "v1.14.1",
    sum: "h1:WGtIQTQcxpElYMdWfWuPwaF2+9muR+hYhPZsTtoY8Gs=",
    folder: "pkg/apis/crds",
    files: ["karpenter.k8s.aws_ec2nodeclasses.yaml", "karpenter.sh_nodeoverlays.yaml", "karpenter.sh_nodepools.yaml"],
  },
];

/** The only object of a chart: the values that it was given. */
const VALUES = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-values
  namespace: {{ .Release.Namespace }}
data:
  values.json: {{ .Values | toJson | quote }}
`;

/** The texts of the definitions that a chart brings. */
async function definitionTexts({ folder, files, ...pin }: Definitions): Promise<string[]> {
  const source = await moduleSource(pin);
  return Promise.all(files.map((file) => readFile(join(source, folder, file), "utf8")));
}

/** The texts of the definitions of all objects that the program makes and Kubernetes itself does not know. */
export async function customDefinitions(): Promise<string[]> {
  return (await Promise.all(DEFINITIONS.map(definitionTexts))).flat();
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
  for (const definitions of DEFINITIONS) {
    for (const [n, text] of (await definitionTexts(definitions)).entries()) {
      // As templates, like those of the real chart; what Helm would read as its own is text here.
      const file = join(folder, basename(CHARTS[definitions.chart].chart), "templates", `definition-${n}.yaml`);
      await writeFile(file, text.replaceAll("{{", '{{ "{{" }}'));
    }
  }
}

import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { ROOT } from "../../local/paths.ts";
import { ensureToolchain } from "../../local/toolchain/index.ts";
import { kubernetesSchemas, schemaLocation, writeDefinitionSchemas } from "../support/kubernetes-schemas.ts";
import { testTool } from "../support/tools.ts";
import { customDefinitions } from "./charts.ts";
import { TestStack } from "./stack.ts";

/** A release that a stack runs. */
const RELEASE = {
  image: `registry.invalid/detector@sha256:${"0".repeat(64)}`,
  model: { name: "placeholder", sha256: "0".repeat(64), uri: "https://models.invalid/placeholder.onnx" },
};

/** Makes what a stack's service consists of, with a provider that writes files. */
function program(config: object, directory: string): string {
  const from = (path: string) => JSON.stringify(join(ROOT, path));
  return `
    import { Detector } from ${from("infra/detector/detector.ts")};
    import { Exposure } from ${from("infra/exposure/exposure.ts")};
    import { DetectorMonitoring } from ${from("infra/monitoring/detector-monitoring.ts")};
    import { parseStackConfig } from ${from("stacks/config/index.ts")};
    const config = parseStackConfig(${JSON.stringify(config)});
    const { detector, release, modelStore, monitoring, exposure } = config;
    const provider = new k8s.Provider("files", { renderYamlToDirectory: ${JSON.stringify(directory)} });
    const service = new Detector(
      "detector",
      { ...detector, image: release.image, model: release.model, modelVolume: modelStore.volume, prometheusUrl: "http://prometheus.invalid" },
      { provider },
    );
    new DetectorMonitoring(
      "detector-monitoring",
      { detector: { ...detector, name: "detector", model: release.model }, slo: monitoring.slo, runbookUrl: monitoring.runbookUrl },
      { provider },
    );
    new Exposure(
      "exposure",
      {
        ...exposure,
        clusterName: "yolo-test",
        namespace: service.namespace,
        service: service.service,
        drain: { drainSeconds: detector.drainSeconds, requestTimeoutMs: detector.serving.requestTimeoutMs },
        vpcCidr: config.network.cidr,
        protect: false,
      },
      { provider },
    );`;
}

/** The values of a committed stack and those that it lacks, as the program reads them. */
async function stackValues(stack: string): Promise<object> {
  const { config } = parse(await readFile(join(ROOT, `Pulumi.${stack}.yaml`), "utf8")) as { config: object };
  const own = Object.entries(config).filter(([key]) => key.startsWith("yolo:"));
  const values = Object.fromEntries(own.map(([key, value]) => [key.slice("yolo:".length), value]));
  return { release: RELEASE, grafanaPassword: "not-a-secret-in-a-test", ...values };
}

/** Files as the real engine and provider write them. It shows that fields exist and have the right type, and no more. */
describe("rendered objects", function () {
  this.timeout(120_000);
  let stack: TestStack;
  let schemas: string;
  let kubeconform: string;

  before(async () => {
    const toolchain = await ensureToolchain({ signal: new AbortController().signal, report: () => {} });
    kubeconform = await testTool("kubeconform");
    const kubernetes = await kubernetesSchemas();
    schemas = await mkdtemp(join(tmpdir(), "yolo-schemas-"));
    await cp(kubernetes, schemas, { recursive: true });
    for (const definition of await customDefinitions()) await writeDefinitionSchemas(definition, schemas);
    stack = await TestStack.make(toolchain);
  });

  after(async () => {
    await stack?.remove();
    if (schemas !== undefined) await rm(schemas, { recursive: true, force: true });
  });

  const conform = (...args: string[]) =>
    execa(kubeconform, ["-strict", "-summary", "-schema-location", schemaLocation(schemas), ...args], {
      reject: false,
      all: true,
    });

  for (const name of ["dev", "prod"]) {
    it(`of ${name} have no field that Kubernetes does not know`, async () => {
      const directory = join(stack.folder, name);
      await stack.program(program(await stackValues(name), directory));
      const { exitCode, text } = await stack.up();
      assert.equal(exitCode, 0, text);
      const files = (await readdir(directory, { recursive: true })).filter((file) => file.endsWith(".yaml"));
      assert.ok(files.length > 10, `only ${files}`);
      const run = await conform(directory);
      assert.equal(run.exitCode, 0, run.all);
      assert.match(run.all, new RegExp(`${files.length} resources found.*Invalid: 0, Errors: 0, Skipped: 0`));
    });
  }

  it("would be found wrong with a field that Kubernetes does not know, or with one of another type", async () => {
    const object = { apiVersion: "v1", kind: "Service", metadata: { name: "x" } };
    for (const spec of [{ prots: [] }, { ports: [{ port: "80" }] }]) {
      const run = await execa(kubeconform, ["-strict", "-schema-location", schemaLocation(schemas)], {
        input: JSON.stringify({ ...object, spec }),
        reject: false,
        all: true,
      });
      assert.equal(run.exitCode, 1, `${JSON.stringify(spec)}: ${run.all}`);
    }
  });
});

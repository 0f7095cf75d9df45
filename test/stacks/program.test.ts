import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import program from "../../stacks/index.ts";
import { find, installMocks, outputValue, type Recording, settle } from "../support/pulumi.ts";

const SHA256 = "0123456789abcdef".repeat(4);
const RELEASE = {
  image: `docker.io/yolo/detector@sha256:${SHA256}`,
  model: { name: "street", sha256: SHA256 },
  commit: "0".repeat(40),
};

type Sections = Record<string, unknown>;

/** Hands the program a configuration as the engine does: objects as JSON, anything else as it is. */
function configure(sections: Sections, secretKeys: string[] = []): void {
  const values = Object.entries(sections).map(([key, value]) => {
    return [key, typeof value === "string" ? value : JSON.stringify(value)];
  });
  pulumi.runtime.setAllConfig(Object.fromEntries(values), secretKeys);
}

describe("the program of the local stack", () => {
  let folder: string;
  let sections: Sections;
  let recording: Recording;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-program-"));
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, "");
    const { config } = parse(await readFile(join(import.meta.dirname, "../../Pulumi.local.yaml"), "utf8")) as {
      config: Sections & { "yolo:cluster": object };
    };
    sections = { ...config, "yolo:cluster": { ...config["yolo:cluster"], kubeconfig }, "yolo:release": RELEASE };
  });

  after(() => rm(folder, { recursive: true }));

  beforeEach(async () => {
    recording = await installMocks({ stack: "local" });
    configure(sections);
  });

  it("creates nothing when it is imported", async () => {
    await import("../../stacks/index.ts");
    await settle();
    assert.deepEqual(recording.resources, []);
  });

  it("exports the release and where the service is", async () => {
    assert.deepEqual(await outputValue(pulumi.output(program())), {
      ...RELEASE,
      namespace: "yolo",
      service: "detector",
      deployment: "detector",
      nodePort: 30080,
    });
  });

  it("exports no node port for a service that has none", async () => {
    configure({ ...sections, "yolo:detector": { service: { type: "ClusterIP" } } });
    assert.ok(!("nodePort" in (await program())));
  });

  it("puts every object on the configured cluster, whose identity survives new credentials", async () => {
    await program();
    await settle();
    const cluster = find(recording, "pulumi:providers:kubernetes", "cluster");
    assert.deepEqual(cluster.inputs, {
      clusterIdentifier: "kubeconfig:yolo-local",
      enableSecretMutable: "true",
      kubeconfig: join(folder, "kubeconfig"),
      context: "yolo-local",
    });
    const objects = recording.resources.filter(({ type }) => type.startsWith("kubernetes:"));
    assert.equal(objects.length, 11);
    for (const { type, name, provider } of objects)
      assert.equal(provider, `${cluster.urn}::cluster-id`, `${type} ${name}`);
  });

  it("fits a rollout into the 2 cores that it is made for", async () => {
    await program();
    await settle();
    const { spec } = find(recording, "kubernetes:apps/v1:Deployment", "detector").inputs as {
      spec: {
        strategy: { rollingUpdate: { maxSurge: number } };
        template: { spec: { containers: { resources: { requests: { cpu: string } } }[] } };
      };
    };
    const scaler = find(recording, "kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "detector").inputs as {
      spec: { maxReplicas: number };
    };
    const [container] = spec.template.spec.containers;
    const pods = scaler.spec.maxReplicas + spec.strategy.rollingUpdate.maxSurge;
    assert.ok(
      pods * Number.parseInt(container?.resources.requests.cpu ?? "", 10) <= 1500,
      "leaves less than 0.5 cores",
    );
  });

  it("passes API keys on as a secret, also when the file holds them as plain text", async () => {
    const apiKeys = `web:${SHA256}\nbatch:${SHA256.replace("0", "f")}`;
    for (const secretKeys of [["yolo:apiKeys"], []]) {
      recording = await installMocks({ stack: "local" });
      configure({ ...sections, "yolo:apiKeys": apiKeys }, secretKeys);
      await program();
      await settle();
      const secret = find(recording, "kubernetes:core/v1:Secret", "detector");
      assert.deepEqual(secret.inputs.stringData, { "api-keys": apiKeys });
      assert.ok(secret.isSecret("stringData"));
    }
  });

  it("asks for no API key where none is configured", async () => {
    await program();
    await settle();
    assert.ok(!recording.resources.some(({ type }) => type.endsWith(":Secret")));
  });

  it("refuses API keys in the clear before any resource, and prints none of them", async () => {
    configure({ ...sections, "yolo:apiKeys": "one,two" }, ["yolo:apiKeys"]);
    await assert.rejects(program, (error: unknown) => {
      assert.ok(pulumi.RunError.isInstance(error));
      assert.match(error.message, /^✖ Expected NAME:HEX, .*in line 1 for apiKeys but received "\[secret\]"$/m);
      assert.doesNotMatch(error.message, /one,two/);
      return true;
    });
    await settle();
    assert.deepEqual(recording.resources, []);
  });

  it("refuses an unknown key, a broken section and a missing one in one message, before any resource", async () => {
    const { "yolo:release": _, ...others } = sections;
    configure({ ...others, "yolo:relaese": RELEASE, "yolo:modelStore": "{" });
    await assert.rejects(program, (error: unknown) => {
      assert.ok(pulumi.RunError.isInstance(error));
      assert.match(error.message, /^✖ Expected a map of keys and values for modelStore but received "\{"$/m);
      assert.match(error.message, /^✖ Expected no such key for relaese but received \{/m);
      assert.match(error.message, /^✖ Expected a map of keys and values for release but received nothing$/m);
      return true;
    });
    await settle();
    assert.deepEqual(recording.resources, []);
  });

  it("leaves the keys of other namespaces alone", async () => {
    configure({ ...sections, "kubernetes:namespace": "elsewhere" });
    await program();
  });

  it("says where it looked for a kubeconfig file that is missing", async () => {
    configure({ ...sections, "yolo:cluster": { target: "kubeconfig", kubeconfig: join(folder, "none") } });
    await assert.rejects(program, (error: unknown) => {
      assert.ok(pulumi.RunError.isInstance(error));
      assert.ok(error.message.startsWith("Expected a kubeconfig file for cluster.kubeconfig"), error.message);
      assert.ok(error.message.includes(join(folder, "none")), error.message);
      return true;
    });
  });
});

import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { parseStackConfig } from "../../stacks/config.ts";

const ROOT = join(import.meta.dirname, "../..");
const SHA256 = "0123456789abcdef".repeat(4);
const RELEASE = { image: `docker.io/yolo/detector@sha256:${SHA256}`, model: { name: "street", sha256: SHA256 } };
const MINIMAL = {
  cluster: { target: "kubeconfig" },
  release: RELEASE,
  modelStore: { volume: { type: "hostPath", path: "/models" } },
};

/** The lines between "Invalid stack config:" and the advice. */
function problems(raw: Record<string, unknown>): string[] {
  try {
    parseStackConfig(raw);
  } catch (error) {
    assert.ok(pulumi.RunError.isInstance(error), "Expected a RunError, which Pulumi prints without a stack trace");
    const [first, ...lines] = error.message.split("\n");
    assert.equal(first, "Invalid stack config:");
    assert.equal(lines.pop(), "Nothing was changed. docs/config.md describes every key.");
    return lines;
  }
  return [];
}

const REFUSED: [name: string, raw: Record<string, unknown>, message: string][] = [
  [
    "a section that does not exist",
    { ...MINIMAL, gpuNodeGroup: { instanceType: "g5.xlarge" } },
    '✖ Expected no such key for gpuNodeGroup but received {"instanceType":"g5.xlarge"}',
  ],
  [
    "an unknown key in a section",
    { ...MINIMAL, detector: { replicas: { minimum: 1 } } },
    "✖ Expected no such key for detector.replicas.minimum but received 1",
  ],
  [
    "an image that is not pinned by digest",
    { ...MINIMAL, release: { ...RELEASE, image: "docker.io/yolo/detector:latest" } },
    "✖ Expected an image pinned by digest (name@sha256:<64 hexadecimal digits>) for release.image " +
      'but received "docker.io/yolo/detector:latest"',
  ],
  [
    "a model without a whole digest",
    { ...MINIMAL, release: { ...RELEASE, model: { name: "street", sha256: SHA256.slice(1) } } },
    "✖ Expected a SHA-256 of 64 lower-case hexadecimal digits for release.model.sha256 " +
      `but received "${SHA256.slice(1)}"`,
  ],
  [
    "a section that is missing",
    { cluster: MINIMAL.cluster, modelStore: MINIMAL.modelStore },
    "✖ Expected a map of keys and values for release but received nothing",
  ],
  [
    "a section that is no map",
    { ...MINIMAL, detector: "big" },
    '✖ Expected a map of keys and values for detector but received "big"',
  ],
  [
    "a target that does not exist",
    { ...MINIMAL, cluster: { target: "docker" } },
    '✖ Expected one of kubeconfig for cluster.target but received "docker"',
  ],
  [
    "a volume of no known type",
    { ...MINIMAL, modelStore: { volume: { type: "floppy" } } },
    '✖ Expected one of hostPath, storageClass for modelStore.volume.type but received "floppy"',
  ],
  [
    "a path that climbs",
    { ...MINIMAL, modelStore: { volume: { type: "hostPath", path: "/models/../etc" } } },
    '✖ Expected an absolute path without .. for modelStore.volume.path but received "/models/../etc"',
  ],
  [
    "a number of the wrong kind",
    { ...MINIMAL, detector: { replicas: { min: 1.5 } } },
    "✖ Expected a whole number from 1 to 1000 for detector.replicas.min but received 1.5",
  ],
  [
    "a CPU quantity that YAML made a number",
    { ...MINIMAL, detector: { resources: { requests: { cpu: 1 } } } },
    '✖ Expected a CPU quantity as text, such as "500m" or "2" for detector.resources.requests.cpu but received 1',
  ],
  [
    "a memory quantity in an unknown unit",
    { ...MINIMAL, detector: { resources: { limits: { memory: "1G" } } } },
    '✖ Expected a memory quantity such as "512Mi" or "2Gi" for detector.resources.limits.memory but received "1G"',
  ],
  [
    "a node port outside the range",
    { ...MINIMAL, detector: { service: { type: "NodePort", nodePort: 8080 } } },
    "✖ Expected a whole number from 30000 to 32767 for detector.service.nodePort but received 8080",
  ],
  [
    "an address that is no range",
    { ...MINIMAL, detector: { allowFrom: [{ cidr: "10.0.0.1" }] } },
    "✖ Expected { cidr: an address range such as 10.0.0.0/8 } or { namespace: name } for detector.allowFrom[0] " +
      'but received {"cidr":"10.0.0.1"}',
  ],
  [
    "a value against a default",
    { ...MINIMAL, detector: { replicas: { min: 11 } } },
    "✖ Expected at most replicas.max (10) for detector.replicas.min but received 11",
  ],
  [
    "a log level that does not exist",
    { ...MINIMAL, detector: { serving: { logLevel: "verbose" } } },
    "✖ Expected one of trace, debug, info, warn, error, fatal for detector.serving.logLevel " +
      'but received "verbose"',
  ],
];

describe("parseStackConfig", () => {
  it("fills in every default of a minimal configuration", () => {
    const config = parseStackConfig(MINIMAL);
    assert.deepEqual(config.detector.replicas, { min: 2, max: 10 });
    assert.deepEqual(config.detector.rollout, { mode: "availability", maxSurge: 1 });
    assert.deepEqual(config.modelStore.volume, { type: "hostPath", path: "/models", sizeGib: 1 });
    assert.deepEqual(config.release, RELEASE);
  });

  for (const [name, raw, message] of REFUSED) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(problems(raw), [message]);
    });
  }

  it("reports every problem at once, in the order of the paths", () => {
    const raw = {
      cluster: { target: "kubeconfig", contxt: "mine" },
      release: { ...RELEASE, image: "detector", commit: "main" },
      modelStore: MINIMAL.modelStore,
      detector: { namespace: "My Space", drainSeconds: 0 },
    };
    assert.deepEqual(problems(raw), [
      '✖ Expected no such key for cluster.contxt but received "mine"',
      "✖ Expected a whole number from 1 to 600 for detector.drainSeconds but received 0",
      "✖ Expected a name of at most 63 lower-case letters, digits and hyphens for detector.namespace " +
        'but received "My Space"',
      '✖ Expected a Git commit of 40 hexadecimal digits for release.commit but received "main"',
      '✖ Expected an image pinned by digest (name@sha256:<64 hexadecimal digits>) for release.image but received "detector"',
    ]);
  });

  it("shortens a long value", () => {
    const [message = ""] = problems({ ...MINIMAL, detector: { namespace: "n".repeat(500) } });
    assert.ok(message.endsWith("…"), message);
    assert.ok(message.length < 250, message);
  });

  it("accepts a tag beside the digest, and a registry with a port", () => {
    const image = `registry.example.com:5000/team/detector:1.2.3@sha256:${SHA256}`;
    assert.equal(parseStackConfig({ ...MINIMAL, release: { ...RELEASE, image } }).release.image, image);
  });
});

describe("Pulumi.*.yaml", async () => {
  const files: string[] = [];
  for await (const file of glob("Pulumi.*.yaml", { cwd: ROOT })) files.push(file);

  it("exists for the local stack", () => {
    assert.ok(files.includes("Pulumi.local.yaml"));
  });

  for (const file of files) {
    it(`${file} is valid once it has a release`, async () => {
      const { config } = parse(await readFile(join(ROOT, file), "utf8")) as { config: Record<string, unknown> };
      const sections = Object.entries(config).flatMap(([key, value]): [string, unknown][] => {
        return key.startsWith("yolo:") ? [[key.slice("yolo:".length), value]] : [];
      });
      assert.deepEqual(problems({ release: RELEASE, ...Object.fromEntries(sections) }), []);
    });
  }
});

import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { parseStackConfig } from "../../stacks/config/index.ts";

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
    '✖ Expected one of kubeconfig, eks for cluster.target but received "docker"',
  ],
  [
    "a volume of no known type",
    { ...MINIMAL, modelStore: { volume: { type: "floppy" } } },
    '✖ Expected one of hostPath, storageClass, podClaim, pod for modelStore.volume.type but received "floppy"',
  ],
  [
    "a path that climbs",
    { ...MINIMAL, modelStore: { volume: { type: "hostPath", path: "/models/../etc" } } },
    '✖ Expected an absolute path without .. for modelStore.volume.path but received "/models/../etc"',
  ],
  [
    "a number of the wrong kind",
    { ...MINIMAL, detector: { replicas: { min: 1.5 } } },
    "✖ Expected a whole number from 0 to 1000 for detector.replicas.min but received 1.5",
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
    "KEDA on a cluster that may not have it",
    { ...MINIMAL, detector: { autoscaling: { keda: {} } } },
    "✖ Expected none on a cluster that the stack does not make, because it needs KEDA and Prometheus there, " +
      "for detector.autoscaling.keda but received {}",
  ],
  [
    "the address of a model that a signature opens",
    {
      ...MINIMAL,
      release: { ...RELEASE, model: { ...RELEASE.model, uri: "https://models.example.com/a.onnx?signature=x" } },
    },
    "✖ Expected an https: or s3: address without a user, a password, a query and a comma for release.model.uri " +
      'but received "https://models.example.com/a.onnx?signature=x"',
  ],
  [
    "a download into a folder that pods only read",
    { ...MINIMAL, release: { ...RELEASE, model: { ...RELEASE.model, uri: "s3://models/a.onnx" } } },
    "✖ Expected a volume that pods can write to, for models from release.model.uri " +
      "(pod, podClaim, or storageClass with another accessMode than ReadOnlyMany), for modelStore.volume " +
      'but received "hostPath"',
  ],
  [
    "a volume of the pod without a download",
    { ...MINIMAL, modelStore: { volume: { type: "pod" } } },
    "✖ Expected an address, because a volume of the pod is empty when it starts, for release.model.uri but received nothing",
  ],
  [
    "a host with a path",
    { ...MINIMAL, detector: { serving: { fetchHosts: ["a.example.com/images"] } } },
    "✖ Expected a host name such as images.example.com, *.example.com or images.example.com:8443 " +
      'for detector.serving.fetchHosts[0] but received "a.example.com/images"',
  ],
  [
    "an origin with a path",
    { ...MINIMAL, detector: { serving: { corsOrigins: ["https://app.example.com/"] } } },
    "✖ Expected an origin such as https://app.example.com as browsers write it, or * for detector.serving.corsOrigins[0] " +
      'but received "https://app.example.com/"',
  ],
  [
    "a receiver of traces with a password",
    { ...MINIMAL, detector: { serving: { otlpEndpoint: "https://user:word@otlp.example.com" } } },
    "✖ Expected an http: or https: address without a user, a password and a query for detector.serving.otlpEndpoint " +
      'but received "https://user:word@otlp.example.com"',
  ],
  [
    "a switch that is no truth value",
    { ...MINIMAL, detector: { serving: { page: "on" } } },
    '✖ Expected true or false for detector.serving.page but received "on"',
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

  it("names every wrong line of the API keys and repeats none", () => {
    const apiKeys = ["# keys", `web:${SHA256}`, "my-secret-key", `web:${SHA256.replace("0", "f")}`].join("\n");
    assert.deepEqual(problems({ ...MINIMAL, apiKeys }), [
      '✖ Expected NAME:HEX, a name and the SHA-256 of its key, in line 3 for apiKeys but received "[secret]"',
      '✖ Expected another name and another key than in a line before, in line 4 for apiKeys but received "[secret]"',
    ]);
    assert.deepEqual(problems({ ...MINIMAL, apiKeys: "# none yet" }), [
      '✖ Expected at least one line NAME:HEX for apiKeys but received "[secret]"',
    ]);
    const many = Array.from({ length: 1001 }, (_, i) => `key-${i}:${i.toString(16).padStart(64, "0")}`);
    assert.deepEqual(problems({ ...MINIMAL, apiKeys: many.join("\n") }), [
      '✖ Expected at most 1000 lines NAME:HEX, not 1001, for apiKeys but received "[secret]"',
    ]);
    assert.deepEqual(problems({ ...MINIMAL, apiKeys: many.slice(1).join("\n") }), []);
    assert.deepEqual(problems({ ...MINIMAL, apiKeys: `web:${SHA256}` }), []);
  });

  it("prints no secret, however wrong it is or where it has no place", () => {
    const receivers = { chat: 123_456, Pager: "pager-key" };
    const eks = { ...MINIMAL, cluster: { target: "eks", version: "1.35" }, grafanaPassword: 987_654, receivers };
    const misplaced = { ...MINIMAL, grafanaPassword: "grafana-password" };
    for (const raw of [eks, { ...eks, receivers: "pager-key" }, misplaced]) {
      const text = problems(raw).join("\n");
      assert.match(text, /for (?:grafanaPassword|receivers\.Pager) but received "\[secret\]"/);
      assert.doesNotMatch(text, /123456|987654|pager-key|grafana-password/);
    }
  });

  it("accepts a tag beside the digest, and a registry with a port", () => {
    const image = `registry.example.com:5000/team/detector:1.2.3@sha256:${SHA256}`;
    assert.equal(parseStackConfig({ ...MINIMAL, release: { ...RELEASE, image } }).release?.image, image);
  });
});

describe("Pulumi.*.yaml", async () => {
  const files: string[] = [];
  for await (const file of glob("Pulumi.*.yaml", { cwd: ROOT })) files.push(file);

  it("exists for every stack", () => {
    assert.deepEqual(files.toSorted(), ["Pulumi.dev.yaml", "Pulumi.local.yaml", "Pulumi.prod.yaml"]);
  });

  for (const file of files) {
    it(`${file} is valid once it has a release and its secrets`, async () => {
      const { config } = parse(await readFile(join(ROOT, file), "utf8")) as { config: Record<string, unknown> };
      const sections = Object.entries(config).flatMap(([key, value]): [string, unknown][] => {
        return key.startsWith("yolo:") ? [[key.slice("yolo:".length), value]] : [];
      });
      const model = { ...RELEASE.model, uri: "s3://yolo-dev-models-123456789012/models/street.onnx" };
      const values = Object.fromEntries(sections);
      const eks = (values.cluster as { target: string }).target === "eks";
      const missing = eks
        ? { release: { ...RELEASE, model }, grafanaPassword: "correct horse battery" }
        : { release: RELEASE };
      assert.deepEqual(problems({ ...missing, ...values }), []);
    });
  }
});

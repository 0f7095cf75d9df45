import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv } from "ajv";
import fc from "fast-check";
import { parse } from "yaml";
import { ROOT } from "../../local/paths.ts";
import { STACK_SCHEMAS } from "../../stacks/config/index.ts";

const SCHEMA = "stacks/config/pulumi-config.schema.json";
const SHA256 = "0123456789abcdef".repeat(4);

type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
interface Map {
  [key: string]: Value;
}

const RELEASE = {
  image: `registry.example.com/detector@sha256:${SHA256}`,
  model: { name: "street", sha256: SHA256, uri: "s3://models/street.onnx" },
};

/** Every kind of value that the committed files do not have. */
const RICH: Map = {
  "aws:region": "eu-central-1",
  "yolo:cluster": {
    target: "eks",
    version: "1.35",
    endpoint: { publicCidrs: ["203.0.113.4/32"], privateCidrs: ["10.1.0.0/16"] },
    access: { ops: { principalArn: "arn:aws:iam::123456789012:role/ops", policy: "admin", namespaces: ["yolo"] } },
    addonVersions: { coredns: "v1.12.1-eksbuild.2" },
    logRetentionDays: 90,
  },
  "yolo:release": { ...RELEASE, commit: "a".repeat(40) },
  "yolo:modelStore": {
    volume: { type: "storageClass", name: "efs", sizeGib: 10, accessMode: "ReadWriteMany" },
    existingBucket: { name: "our-models", prefix: "models/" },
    efs: { infrequentAccessDays: 30 },
  },
  "yolo:exposure": {
    via: "gateway",
    scheme: "public",
    certificateArn: `arn:aws:acm:eu-central-1:123456789012:certificate/${"0".repeat(8)}`,
    hosts: ["detect.example.com"],
    sourceRanges: ["0.0.0.0/0"],
    waf: { ruleGroups: ["common"], requestsPerFiveMinutes: 2_000 },
  },
  "yolo:registry": { name: "team/detector", pullAccounts: ["210987654321"] },
  "yolo:budget": { monthlyUsd: 500, actualPercents: [80, 100], emails: ["ops@example.com"] },
  "yolo:github": { repository: "octocat/detector", environment: "prod", stateBucket: "our-state" },
  "yolo:network": { zones: ["eu-central-1a", "eu-central-1b"], interfaceEndpoints: ["ecr.api"] },
  "yolo:nodes": {
    autoscaler: "karpenter",
    gpu: {
      big: {
        instanceTypes: ["p5.4xlarge"],
        max: 2,
        sharing: { mode: "mig", profile: "1g.10gb", instances: 7 },
        labels: { team: "vision" },
      },
    },
  },
  "yolo:charts": { from: "mirror", repository: "oci://registry.example.com/charts" },
  "yolo:monitoring": {
    alertmanager: {
      receivers: { chat: { type: "slack", channel: "#alerts" }, pager: { type: "pagerduty" } },
      routes: { critical: ["pager"], warning: ["chat"] },
    },
    slo: { availabilityPercent: 99.9, latency: { thresholdMs: 250 } },
  },
  "yolo:detector": {
    tolerations: [{ key: "spot", operator: "Exists" }],
    allowFrom: [{ cidr: "10.0.0.0/8" }, { namespace: "web" }],
    nodeSelector: { zone: "a" },
    rollout: { mode: "resourceAware", maxUnavailable: 1 },
    serving: { fetchHosts: ["*.example.com"], corsOrigins: ["*"], otlpEndpoint: "http://otel:4318" },
    service: { type: "LoadBalancer" },
  },
};

const ajv = new Ajv({
  allErrors: true,
  // Conditions name keys without their types, and editors know keywords that standards do not.
  strictTypes: false,
  keywords: ["patternErrorMessage", "markdownEnumDescriptions"],
});

async function files(): Promise<[string, string][]> {
  const names: string[] = [];
  for await (const name of glob("Pulumi.*.yaml", { cwd: ROOT })) names.push(name);
  return Promise.all(
    names.toSorted().map(async (name): Promise<[string, string]> => [name, await readFile(join(ROOT, name), "utf8")]),
  );
}

/** Whether zod, asked as the program asks it, finds every value well-formed; what must go together is not asked. */
function wellFormed(config: Map): boolean {
  const raw = Object.fromEntries(
    Object.entries({ "yolo:release": RELEASE, "yolo:grafanaPassword": "a long password", ...config }).flatMap(
      ([key, value]) => (key.startsWith("yolo:") ? [[key.slice("yolo:".length), value]] : []),
    ),
  );
  const eks = (raw.cluster as { target?: unknown } | null)?.target === "eks";
  if (!eks) delete raw.grafanaPassword;
  const { error } = STACK_SCHEMAS[eks ? "eks" : "kubeconfig"].safeParse(raw);
  return (error?.issues ?? []).every(({ code }) => code === "custom");
}

/** Paths of all values below a section, itself not. */
function paths(value: Value, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const own = [...path, key];
    return [...(path.length > 0 ? [own] : []), ...paths(child, own)];
  });
}

/** A copy of the value in which what lies at the path is changed. */
function changed(value: Value, [key, ...rest]: string[], change: (parent: Map | Value[], key: string) => void): Value {
  const copy = structuredClone(value);
  if (key === undefined || typeof copy !== "object" || copy === null) return copy;
  const parent = copy as Map;
  if (rest.length === 0) change(parent, key);
  else parent[key] = changed(parent[key] ?? null, rest, change);
  return copy;
}

const REPLACEMENTS: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(null, true, false, "true", "", "x", "X y", "1", -1, 0, 1, 1.5, 7, 99, 1e9, [], {}, ["x"]),
  fc.constantFrom<Value>("10.0.0.0/8", "512Mi", "/models/../x", "eks", "none", { type: "pod" }, { mode: "none" }, [1]),
  fc.integer({ min: -10, max: 100_000 }),
  fc.string(),
);

// Read before the tests are declared, of which there is one for each file.
const stacks = await files();

describe(SCHEMA, () => {
  const validate = ajv.compile(JSON.parse(readFileSync(join(ROOT, SCHEMA), "utf8")));
  const configs = [RICH, ...stacks.map(([, text]) => (parse(text) as { config: Map }).config)];

  function problems(config: Map): string[] {
    validate({ config });
    return (validate.errors ?? []).map(({ instancePath, keyword, params }) => {
      return `${instancePath} ${keyword} ${JSON.stringify(params)}`;
    });
  }

  function withSections(sections: Map): string[] {
    return problems({ ...RICH, ...sections });
  }

  for (const [name, text] of stacks) {
    it(`accepts ${name}, which names it`, () => {
      assert.ok(
        text.startsWith(`# yaml-language-server: $schema=${SCHEMA}\n`),
        "Expected the schema in the first line",
      );
      assert.ok(validate(parse(text)), ajv.errorsText(validate.errors));
    });
  }

  it("accepts every kind of value", () => {
    assert.deepEqual(problems(RICH), []);
  });

  it("accepts what Pulumi writes: encrypted secrets, and its own keys", () => {
    const secure = { secure: "v1:abc=" };
    assert.ok(
      validate({
        secretsprovider: "awskms://alias/pulumi?region=eu-central-1",
        encryptedkey: "abc=",
        config: {
          ...RICH,
          "yolo:apiKeys": secure,
          "yolo:grafanaPassword": secure,
          "yolo:receivers": { chat: secure, pager: secure },
          "yolo:protect": "true",
          "pulumi:disable-default-providers": ["*"],
        },
      }),
      ajv.errorsText(validate.errors),
    );
    assert.ok(validate({ config: { ...RICH, "yolo:receivers": secure } }), ajv.errorsText(validate.errors));
  });

  it("refuses a misspelt key, wherever it stands", () => {
    const misspelt = (config: Map) => problems(config).filter((problem) => problem.includes("additionalProperties"));
    for (const [at, sections] of Object.entries({
      "/config": { "yolo:network2": {} },
      "/config/yolo:network": { "yolo:network": { cdir: "10.0.0.0/16" } },
      "/config/yolo:charts": { "yolo:charts": { from: "upstream", repository: "oci://registry.example.com/charts" } },
      "/config/yolo:nodes/gpu/a/sharing": {
        "yolo:nodes": { gpu: { a: { instanceTypes: ["g6.xlarge"], max: 1, sharing: { mode: "none", replicas: 2 } } } },
      },
      "/config/aws:defaultTags": { "aws:defaultTags": { tag: {} } },
    })) {
      const found = misspelt({ ...RICH, ...sections });
      assert.equal(found.length, 1, `${at}: ${found.join("\n")}`);
      assert.match(found.join(), new RegExp(`^${at} `));
    }
    assert.equal(misspelt({ ...RICH, "yollo:nodes": {} }).length, 1);
    assert.ok(!validate({ config: RICH, confg: {} }));
  });

  it("complains of the chosen option only", () => {
    assert.deepEqual(
      withSections({ "yolo:modelStore": { volume: { type: "pod", sizeGib: 0 } } }).filter((each) => !/ if /.test(each)),
      ['/config/yolo:modelStore/volume/sizeGib minimum {"comparison":">=","limit":1}'],
    );
    assert.deepEqual(withSections({ "yolo:modelStore": { volume: { type: "floppy" } } }).length, 2);
  });

  it("knows which sections a target has", () => {
    const kubeconfig = {
      "yolo:cluster": { target: "kubeconfig" },
      "yolo:modelStore": { volume: { type: "hostPath", path: "/models" } },
    };
    assert.deepEqual(problems(kubeconfig), []);
    assert.ok(
      problems({ ...kubeconfig, "yolo:nodes": {} }).some((each) => /additionalProperties.*yolo:nodes/.test(each)),
    );
    assert.ok(problems({ "yolo:cluster": { target: "kubeconfig" } }).some((each) => /yolo:modelStore/.test(each)));
    assert.ok(problems({ ...kubeconfig, "yolo:cluster": { target: "docker" } }).some((each) => /enum/.test(each)));
    assert.ok(problems({}).some((each) => /required .*yolo:cluster/.test(each)));
  });

  it("agrees with zod on every configuration that is changed in one place", function () {
    this.timeout(20_000);
    const change = fc.oneof(
      REPLACEMENTS.map((value) => (parent: Map | Value[], key: string) => {
        (parent as Map)[key] = value;
      }),
      fc.constant((parent: Map | Value[], key: string) => {
        if (Array.isArray(parent)) parent.splice(Number(key), 1);
        else delete parent[key];
      }),
      fc.constant((parent: Map | Value[]) => {
        if (Array.isArray(parent)) parent.push("x");
        else parent.misspelt = 1;
      }),
    );
    const cases = fc
      .constantFrom(...configs)
      .chain((config) => fc.tuple(fc.constant(config), fc.constantFrom(...paths(config)), change))
      // Providers' settings are Pulumi's to check.
      .filter(([, path]) => path[0]?.startsWith("yolo:") ?? false);
    let refused = 0;
    fc.assert(
      fc.property(cases, ([config, path, change]) => {
        const mutated = changed(config, path, change) as Map;
        const accepted = problems(mutated).length === 0;
        if (!accepted) refused += 1;
        assert.equal(accepted, wellFormed(mutated), `${path.join(".")}: ${problems(mutated).join("\n")}`);
      }),
      { numRuns: 1_000, seed: 5 },
    );
    assert.ok(refused > 300 && refused < 950, `Expected both outcomes often but received ${refused} refusals`);
  });
});

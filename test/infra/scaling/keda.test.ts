import assert from "node:assert/strict";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { claimExternalMetrics } from "../../../infra/scaling/external-metrics.ts";
import { Keda } from "../../../infra/scaling/keda.ts";
import { kedaValues } from "../../../infra/scaling/keda-values.ts";
import { CHARTS } from "../../../infra/versions.ts";
import { unknownKeys } from "../../support/chart-values.ts";
import { find, outputValue, type Recording } from "../../support/pulumi.ts";
import { build, CHART, CONTROLLER, prepare, valuesOf } from "./fixture.ts";

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:Keda::keda";
const ARGS = { ...CONTROLLER, settings: { replicas: 3 } };
const PARTS = ["operator", "metricsServer", "webhooks"] as const;

describe("Keda", () => {
  let keda: Keda;
  let recording: Recording;

  before(async () => {
    ({ made: keda, recording } = await build(({ parent }) => new Keda("keda", ARGS, { parent })));
  });

  it("is a child of its parent and uses its cluster", async () => {
    assert.equal(find(recording, "yolo:infra:Keda", "keda").urn, COMPONENT);
    for (const type of [CHART, "kubernetes:core/v1:Namespace"]) {
      const { parent, provider } = find(recording, type, "keda");
      assert.equal(parent, COMPONENT);
      assert.match(provider, /pulumi:providers:kubernetes::cluster/);
    }
    assert.equal(await outputValue(keda.namespace), "keda");
    assert.deepEqual(recording.outputs.get(COMPONENT), { namespace: "keda" });
  });

  it("has a namespace that takes restricted pods only", () => {
    const { metadata } = find(recording, "kubernetes:core/v1:Namespace", "keda").inputs as {
      metadata: { name: string; labels: Record<string, string> };
    };
    assert.equal(metadata.name, "keda");
    assert.equal(metadata.labels["pod-security.kubernetes.io/enforce"], "restricted");
  });

  it("installs the pinned chart", () => {
    const { chart, version, repository } = CHARTS.keda;
    const { values: _, ...inputs } = find(recording, CHART, "keda").inputs;
    assert.deepEqual(inputs, {
      chart,
      version,
      repositoryOpts: { repo: repository },
      name: "keda",
      namespace: "keda",
      skipCrds: false,
    });
  });

  it("places, sizes, spreads and guards each of its parts", () => {
    const values = valuesOf(find(recording, CHART, "keda"));
    const section = (name: string, part: string) => (values[name] as Record<string, unknown>)[part];
    for (const part of PARTS) {
      const { replicaCount, nodeSelector, tolerations } = values[part] as Record<string, unknown>;
      assert.equal(replicaCount, 3, part);
      assert.deepEqual(nodeSelector, { "yolo/pool": "system" }, part);
      assert.deepEqual(tolerations, [{ key: "CriticalAddonsOnly", operator: "Exists" }], part);
      assert.equal((section("topologySpreadConstraints", part) as unknown[]).length, 2, part);
      const singular = part === "metricsServer" ? "metricServer" : part;
      assert.deepEqual(section("podDisruptionBudget", singular), { maxUnavailable: 1 }, part);
      const { requests = {}, limits = {} } = section("resources", singular) as Record<string, object>;
      assert.deepEqual(Object.keys(requests), ["cpu", "memory"], part);
      assert.deepEqual(Object.keys(limits), ["memory"], part);
    }
    assert.equal(values.priorityClassName, "system-cluster-critical");
  });

  it("reads no Secrets but its own, and scales Deployments and StatefulSets only", () => {
    const { permissions, rbac } = valuesOf(find(recording, CHART, "keda"));
    assert.deepEqual(permissions, {
      operator: { restrict: { secret: true } },
      metricServer: { restrict: { secret: true } },
    });
    assert.deepEqual(rbac, { enabledCustomScaledRefKinds: false });
  });

  it("tells Prometheus about all of its parts, where there is one", () => {
    const prometheus = (serviceMonitors: boolean) => kedaValues({ ...ARGS, serviceMonitors }).prometheus;
    for (const there of [true, false]) {
      for (const part of Object.values(prometheus(there))) {
        assert.deepEqual(part, { enabled: true, serviceMonitor: { enabled: there, interval: "30s" } });
      }
    }
  });

  it("gives the chart keys that it knows only", function () {
    const unknown = unknownKeys(kedaValues(ARGS), "keda");
    if (unknown === undefined) this.skip();
    assert.deepEqual(unknown, []);
  });
});

describe("The owner of external metrics", () => {
  const message = (error: unknown) => {
    assert.ok(pulumi.ResourceError.isInstance(error));
    assert.equal(error.hideStack, true);
    return error.message;
  };

  it("is one on each cluster: a second one is refused, with both names", async () => {
    await build(({ parent }) => {
      new Keda("keda", ARGS, { parent });
      const adapter = new pulumi.ComponentResource("test:Adapter", "adapter", {}, { parent });
      assert.throws(
        () => claimExternalMetrics(adapter, "prometheus-adapter"),
        (error: unknown) =>
          message(error) ===
          "Expected one owner for v1beta1.external.metrics.k8s.io but received KEDA and prometheus-adapter. " +
            "Install one of them only: the registration of one would replace that of the other.",
      );
      assert.throws(() => new Keda("other", ARGS, { parent }), /received KEDA and KEDA/);
    });
  });

  it("may be another one on another cluster", async () => {
    const { parent } = await prepare();
    new Keda("keda", ARGS, { parent });
    const provider = new k8s.Provider("other", { kubeconfig: "{}" });
    assert.doesNotThrow(() => new Keda("other", ARGS, { parent, providers: [provider] }));
  });

  it("cannot be told without a provider", async () => {
    await prepare();
    assert.throws(
      () => new Keda("keda", ARGS),
      (error: unknown) => message(error) === "Expected a kubernetes provider for KEDA but received none",
    );
  });
});

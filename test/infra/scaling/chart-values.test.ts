import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { unknownKeys } from "../../support/chart-values.ts";

describe("unknownKeys", () => {
  before(function () {
    if (unknownKeys({}, "keda") === undefined) this.skip();
  });

  it("knows the keys of the file, at any depth", () => {
    const values = { operator: { replicaCount: 2, livenessProbe: { periodSeconds: 5 } }, webhooks: { enabled: false } };
    assert.deepEqual(unknownKeys(values, "keda"), []);
  });

  it("names each key that the file does not have by its path, and stops there", () => {
    const values = { operator: { replicas: 2, name: "x" }, pdb: { operator: { maxUnavailable: 1 } } };
    assert.deepEqual(unknownKeys(values, "keda"), ["operator.replicas", "pdb"]);
  });

  it("takes anything below an empty map, in a list, and where the file has no value", () => {
    const values = {
      nodeSelector: { any: "thing" },
      podDisruptionBudget: { operator: { maxUnavailable: 1 } },
      tolerations: [{ key: "any" }],
      operator: { hostUsers: false },
      global: { image: { registry: { any: "thing" } } },
    };
    assert.deepEqual(unknownKeys(values, "keda"), []);
  });

  it("names keys below a value that is no map", () => {
    assert.deepEqual(unknownKeys({ clusterDomain: { name: "x" } }, "keda"), ["clusterDomain.name"]);
  });

  it("ignores keys without a value, and does not look into outputs", () => {
    assert.deepEqual(unknownKeys({ nothing: undefined, clusterName: pulumi.output("x") }, "keda"), []);
  });

  it("knows keys in comments only where they are listed, and only such that are there", () => {
    const values = { operator: { leaderElectionID: "x" } };
    assert.deepEqual(unknownKeys(values, "keda"), ["operator.leaderElectionID"]);
    assert.deepEqual(unknownKeys(values, "keda", { commented: ["operator.leaderElectionID"] }), []);
    assert.throws(
      () => unknownKeys(values, "keda", { commented: ["operator.leaderElection"] }),
      /Expected a comment that shows operator\.leaderElection in the values\.yaml of chart keda but received none/,
    );
  });

  it("takes anything in a map that the chart passes on, where it is listed", () => {
    const values = { extraArgs: { "scan-interval": "30s" } };
    assert.deepEqual(unknownKeys(values, "cluster-autoscaler"), ["extraArgs.scan-interval"]);
    assert.deepEqual(unknownKeys(values, "cluster-autoscaler", { passedOn: ["extraArgs"] }), []);
  });

  it("knows keys of charts that come along only where they are listed", () => {
    const values = { grafana: { initChownData: { enabled: false } } };
    assert.deepEqual(unknownKeys(values, "kube-prometheus-stack"), ["grafana.initChownData"]);
    assert.deepEqual(unknownKeys(values, "kube-prometheus-stack", { dependencies: ["grafana.initChownData"] }), []);
    assert.throws(
      () => unknownKeys(values, "keda", { dependencies: ["grafana.initChownData"] }),
      /Expected a key of one of the charts that keda brings along \(none\) but received grafana\.initChownData/,
    );
  });

  it("answers nothing for a chart whose values are not at hand", () => {
    assert.equal(unknownKeys({ any: "thing" }, "no-such-chart"), undefined);
  });
});

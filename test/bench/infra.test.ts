import assert from "node:assert/strict";
import { plainProgram } from "../../bench/infra/plain.ts";
import { goalsOf, type Measured, median, rowsOf } from "../../bench/infra/report.ts";
import type { EngineEvent } from "../../local/plan-run.ts";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

function event(type: string, inputs: object, custom = true): EngineEvent {
  return {
    resourcePreEvent: {
      metadata: { op: "create", urn: `urn:pulumi:dev::yolo::${type}::x`, new: { type, custom, inputs } },
    },
  };
}

describe("the plain program of bench:infra", () => {
  it("makes what providers make, with values that are not known yet as such", () => {
    const text = plainProgram([
      event("pulumi:providers:aws", {}),
      event("yolo:infra:Network", {}, false),
      event("aws:ec2/subnet:Subnet", { __defaults: [], vpcId: UNKNOWN, cidrBlock: "10.0.0.0/24" }),
      event("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16", tagsAll: {} }),
      event("kubernetes:core/v1:Secret", { stringData: { "4dabf18193072939515e22adb298388d": "secret" } }),
      event("kubernetes:keda.sh/v1alpha1:ScaledObject", { kind: "ScaledObject" }),
    ]);
    const [, statements = ""] = text.split("\n\n");
    assert.deepEqual(
      statements
        .replaceAll(/\s+/g, " ")
        .trim()
        .split(/(?<=;) /),
      [
        'const r0 = new aws.ec2.Vpc("r0", { "cidrBlock": "10.0.0.0/16" });',
        "const later: pulumi.Output<any> = r0.id;",
        'const provider = new k8s.Provider("cluster", { kubeconfig: later });',
        'const r1 = new aws.ec2.Subnet("r1", { "vpcId": later, "cidrBlock": "10.0.0.0/24" });',
        'const r2 = new k8s.core.v1.Secret("r2", { "stringData": later }, { provider });',
        'const r3 = new k8s.apiextensions.CustomResource("r3", { "kind": "ScaledObject" }, { provider });',
      ],
    );
  });
});

describe("the report of bench:infra", () => {
  const timed = (firstSeconds: number, seconds: number) => ({ firstSeconds, seconds, resources: 1, events: [] });
  const growth = (detectors: number, seconds: number) => ({
    detectors,
    runs: { preview: [timed(1, seconds)], up: [], "up without checkpoints": [] },
  });
  const measured: Measured = {
    first: {
      runs: {
        ours: [timed(2, 9), timed(3, 7), timed(1, 5)],
        "ts-node after a change": [timed(9.5, 12)],
        "ts-node without a change": [timed(4.3, 7)],
      },
      hostSeconds: [0.4, 0.5],
    },
    unchanged: [],
    growth: [growth(1, 2), growth(5, 6), growth(10, 11), growth(20, 26)],
  };

  it("takes medians, and less for the peer by what our host takes to start", () => {
    assert.equal(median([4, 1, 3, 2]), 2.5);
    const [ours] = rowsOf(measured);
    assert.deepEqual(ours, { what: "preview of dev: ours", resources: 1, firstSeconds: 2, seconds: 7 });
    const goals = goalsOf(measured).map(({ value, met }) => [Number(value.toFixed(3)), met]);
    // The preview; both peers; and 1.5 seconds for a detector more against 1. What was not measured has no goal.
    assert.deepEqual(goals, [
      [7, true],
      [4.525, true],
      [1.925, false],
      [1.5, false],
    ]);
  });

  it("has a row for each kind of run that took place", () => {
    assert.equal(rowsOf(measured).length, 3 + 4);
  });
});

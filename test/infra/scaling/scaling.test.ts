import assert from "node:assert/strict";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { NodesSettings } from "../../../infra/nodes/args.ts";
import { problemText } from "../../../infra/problems.ts";
import { scalingProblems } from "../../../infra/scaling/checks.ts";
import { Scaling, type ScalingArgs } from "../../../infra/scaling/scaling.ts";
import { describeExpected, formatProblems } from "../../../stacks/config/problems.ts";
import { scalingSchema } from "../../../stacks/config/scaling.ts";
import { find, type Recording, settle } from "../../support/pulumi.ts";
import {
  build,
  CHART,
  CONTROLLER,
  LOCATION,
  type Parent,
  POOL,
  prepare,
  SETTINGS,
  SUBNETS,
  SYSTEM,
} from "./fixture.ts";

const { zones: ZONES, ...GROUP } = POOL;

function nodes(changes: Partial<NodesSettings>): NodesSettings {
  return { autoscaler: "clusterAutoscaler", system: SYSTEM, gpu: { small: GROUP }, ...changes };
}

function scaling({ parent }: Parent, changes: Partial<ScalingArgs> = {}): Scaling {
  const devicePlugin = new k8s.core.v1.ConfigMap("device-plugin", {}, { parent });
  return new Scaling(
    "scaling",
    {
      ...CONTROLLER,
      location: LOCATION,
      kubernetesVersion: "1.35",
      settings: SETTINGS,
      nodes: nodes({}),
      gpuApi: "devicePlugin",
      subnets: SUBNETS,
      zones: { small: ZONES },
      securityGroupId: "sg-1",
      tags: {},
      devicePlugin,
      ...changes,
    },
    { parent },
  );
}

function charts({ resources }: Recording): string[] {
  return resources
    .filter(({ type }) => type === CHART)
    .map(({ name }) => name)
    .sort();
}

describe("Scaling", () => {
  it("installs the one autoscaler of nodes that was chosen, and KEDA where it is on", async () => {
    assert.deepEqual(charts((await build(scaling)).recording), ["cluster-autoscaler", "keda"]);
    const karpenter = await build((below) => scaling(below, { nodes: nodes({ autoscaler: "karpenter" }) }));
    assert.deepEqual(charts(karpenter.recording), ["karpenter", "karpenter-crd", "keda"]);
    const keda = { ...SETTINGS.keda, enabled: false };
    const without = await build((below) => scaling(below, { settings: { ...SETTINGS, keda } }));
    assert.deepEqual(charts(without.recording), ["cluster-autoscaler"]);
    assert.equal(without.made.keda, undefined);
  });

  it("makes its parts its children", async () => {
    const { recording } = await build(scaling);
    const { urn } = find(recording, "yolo:infra:Scaling", "scaling");
    assert.equal(find(recording, "yolo:infra:ClusterAutoscaler", "cluster-autoscaler").parent, urn);
    assert.equal(find(recording, "yolo:infra:Keda", "keda").parent, urn);
  });

  it("gives Karpenter the zones of each pool, and all of them where nobody asked AWS", async () => {
    const pool = async (zones: ScalingArgs["zones"]) => {
      const { recording } = await build((below) =>
        scaling(below, { nodes: nodes({ autoscaler: "karpenter" }), zones }),
      );
      const { spec } = find(recording, "kubernetes:karpenter.sh/v1:NodePool", "karpenter-small").inputs as {
        spec: { template: { spec: { requirements: { key: string; values: string[] }[] } } };
      };
      return spec.template.spec.requirements.find(({ key }) => key === "topology.kubernetes.io/zone")?.values;
    };
    assert.deepEqual(await pool({ small: ZONES }), ["eu-central-1b", "eu-central-1c"]);
    assert.deepEqual(await pool({}), ["eu-central-1a", "eu-central-1b", "eu-central-1c"]);
  });

  it("throws one error with every problem, before it creates anything", async () => {
    const { recording, ...below } = await prepare();
    const wrong = nodes({
      autoscaler: "karpenter",
      system: { ...SYSTEM, min: 1 },
      gpu: { small: { ...GROUP, min: 1, desired: 2 } },
    });
    assert.throws(
      () => scaling(below, { nodes: wrong }),
      (error: unknown) => {
        assert.ok(pulumi.ResourceError.isInstance(error));
        assert.equal(
          error.message,
          "Expected at most nodes.system.min (1), because each pod of Karpenter wants a node of its own, " +
            "for scaling.karpenter.replicas but received 2\n" +
            "Expected 0, because Karpenter starts nodes for pods only, for nodes.gpu.small.min but received 1\n" +
            "Expected none with Karpenter, which owns the number, for nodes.gpu.small.desired but received 2",
        );
        return true;
      },
    );
    await settle();
    assert.deepEqual(charts(recording), []);
  });
});

describe("scalingProblems", () => {
  it("asks nothing of nodes that the Cluster Autoscaler sizes", () => {
    const wanted = nodes({ gpu: { small: { ...GROUP, min: 1, desired: 2 } } });
    assert.deepEqual(scalingProblems(SETTINGS, wanted, "devicePlugin"), []);
  });

  it("finds nothing in settings that go together", () => {
    assert.deepEqual(scalingProblems(SETTINGS, nodes({ autoscaler: "karpenter" }), "devicePlugin"), []);
  });

  it("keeps a node where pods claim GPUs, because the autoscaler cannot know those of an empty group", () => {
    assert.deepEqual(scalingProblems(SETTINGS, nodes({}), "dra").map(problemText), [
      "Expected at least 1 where pods claim GPUs (dra): the autoscaler knows no devices of a group without a node, " +
        "for nodes.gpu.small.min but received 0",
    ]);
    assert.deepEqual(scalingProblems(SETTINGS, nodes({ gpu: { small: { ...GROUP, min: 1 } } }), "dra"), []);
  });

  it("refuses Karpenter where pods claim GPUs", () => {
    assert.deepEqual(scalingProblems(SETTINGS, nodes({ autoscaler: "karpenter" }), "dra").map(problemText), [
      "Expected clusterAutoscaler where pods claim GPUs (dra), because Karpenter does not look at claims yet, " +
        'for nodes.autoscaler but received "karpenter"',
    ]);
  });
});

describe("The scaling section", () => {
  it("has a default for everything", () => {
    assert.deepEqual(scalingSchema.parse({}), {
      clusterAutoscaler: {
        replicas: 2,
        expander: "leastWaste",
        provisionMinutes: 10,
        scaleDown: { unneededMinutes: 10, delayAfterAddMinutes: 10, utilizationPercent: 50 },
      },
      karpenter: {
        replicas: 2,
        consolidation: { when: "emptyOrUnderutilized", afterMinutes: 10 },
        expireHours: 720,
        terminationGraceMinutes: 60,
        maxUnavailable: 1,
        nodeRepair: true,
      },
      keda: { enabled: true, replicas: 2 },
    });
  });

  it("is what the component takes", () => {
    const settings: ScalingArgs["settings"] = scalingSchema.parse(SETTINGS);
    assert.deepEqual(settings, SETTINGS);
  });

  it("names every wrong value and what is allowed", () => {
    const raw = {
      clusterAutoscaler: { expander: "price", scaleDown: { utilizationPercent: 101 } },
      karpenter: { consolidation: { when: "never" }, expireHours: 0, nodeRepair: "yes" },
      keda: { enabled: "yes" },
      autoscaler: "karpenter",
    };
    const result = scalingSchema.safeParse(raw, { error: describeExpected });
    assert.ok(result.error);
    assert.equal(
      formatProblems(result.error, raw),
      [
        '✖ Expected no such key for autoscaler but received "karpenter"',
        '✖ Expected one of leastWaste, mostPods, random for clusterAutoscaler.expander but received "price"',
        "✖ Expected a whole number from 0 to 100 for clusterAutoscaler.scaleDown.utilizationPercent but received 101",
        '✖ Expected one of empty, emptyOrUnderutilized for karpenter.consolidation.when but received "never"',
        "✖ Expected a whole number from 1 to 8760 for karpenter.expireHours but received 0",
        '✖ Expected true or false for karpenter.nodeRepair but received "yes"',
        '✖ Expected true or false for keda.enabled but received "yes"',
      ].join("\n"),
    );
  });
});

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GpuSharing } from "../../infra/gpu/sharing.ts";
import { ensureToolchain, type Toolchain } from "../../local/toolchain/index.ts";
import type { Release } from "../../stacks/release.ts";
import { SimulatedCluster } from "../support/simulated-cluster.ts";
import { CLUSTER } from "./aws/models/eks-cluster.ts";
import { NODE_GROUP } from "./aws/models/eks-nodes.ts";
import { writeCharts } from "./charts.ts";
import { ProjectStack, type StackValues } from "./project-stack.ts";
import { SimulatedAws } from "./simulated-aws.ts";
import type { Run } from "./stack.ts";

/** What a stack has after its first deployment. */
const RELEASE: Release = {
  image: `registry.invalid/detector@sha256:${"0".repeat(64)}`,
  model: { name: "placeholder", sha256: "0".repeat(64), uri: "https://models.invalid/placeholder.onnx" },
};

/** A release of the nodes' image after the pinned one. */
const NEXT_AMI = "1.35.8-20260917";

/** The stacks that are run, and what is tried with them besides. */
const STACKS = [
  { name: "dev", karpenter: false, interrupted: true, asleep: true },
  { name: "dev", karpenter: true, interrupted: false, asleep: false },
  { name: "prod", karpenter: false, interrupted: false, asleep: false },
];

/** Namespaces of Kubernetes itself. */
const OWN_NAMESPACES = ["default", "kube-node-lease", "kube-public", "kube-system"];

interface GpuGroups {
  gpu: Record<string, { max: number; releaseVersion?: string; sharing?: GpuSharing }>;
}

function assertRun({ exitCode, text, changes }: Run, expected?: Record<string, number>): void {
  assert.equal(exitCode, 0, text);
  if (expected !== undefined) {
    const { unchanged: _, ...changed } = changes;
    assert.deepEqual(changed, expected, text);
  }
}

/**
 * The whole program under the real engine, with the objects on a real API server. AWS, the charts' contents, nodes, pods and load
 * balancers are stood in for: it shows nothing about them.
 */
describe("the stacks on EKS", function () {
  this.timeout(150_000);
  this.bail(true);
  let toolchain: Toolchain;
  let cluster: SimulatedCluster;
  let charts: string;

  before(async () => {
    toolchain = await ensureToolchain({ signal: new AbortController().signal, report: () => {} });
    charts = await mkdtemp(join(tmpdir(), "yolo-charts-"));
    await writeCharts(charts);
    cluster = await SimulatedCluster.start();
  });

  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    if (charts !== undefined) await rm(charts, { recursive: true, force: true });
  });

  /** Objects that are not Kubernetes' own. */
  const leftObjects = async () => {
    const names = async (kind: string) => {
      const objects = await cluster.list<{ metadata: { name: string } }>(kind);
      return objects.map(({ metadata }) => metadata.name);
    };
    return {
      namespaces: (await names("namespaces")).filter((name) => !OWN_NAMESPACES.includes(name)),
      definitions: await names("customresourcedefinitions"),
      storageClasses: await names("storageclasses"),
      system: (await cluster.kubectl(["get", "configmaps,secrets", "--namespace", "kube-system", "--output", "name"]))
        .split("\n")
        .filter((name) => name.includes("-values") || name.includes("sh.helm")),
    };
  };

  for (const { name, karpenter, interrupted, asleep } of STACKS) {
    describe(karpenter ? `${name} with Karpenter` : name, () => {
      let stack: ProjectStack;
      let aws: SimulatedAws;
      let groups: GpuGroups["gpu"];

      const changeGroups = (change: (groups: GpuGroups["gpu"]) => void) =>
        stack.configure((values) => change((values["yolo:nodes"] as unknown as GpuGroups).gpu));

      before(async () => {
        const config = {
          "yolo:release": RELEASE,
          "yolo:grafanaPassword": "not-a-secret-in-a-test",
          "yolo:charts": { from: "directory", path: charts },
        };
        stack = await ProjectStack.make({ toolchain, stack: name, kubeconfig: cluster.kubeconfig, config });
        await stack.configure((values) =>
          Object.assign(values["yolo:nodes"] ?? {}, karpenter && { autoscaler: "karpenter" }),
        );
        await changeGroups((found) => {
          groups = found;
        });
        const sharings = Object.values(groups).map(({ sharing }) => sharing ?? ({ mode: "none" } as const));
        aws = new SimulatedAws(cluster, () => stack.account(), sharings);
      });

      after(async () => {
        await aws?.[Symbol.asyncDispose]();
        await stack?.remove();
      });

      if (!karpenter)
        it("is previewed without an account", async () => {
          const run = await stack.preview();
          assertRun(run);
          assert.deepEqual(stack.account(), []);
        });

      if (interrupted) {
        it("is interrupted, and says so", async () => {
          const run = await stack.interruptedUp((account) => account.length > 20);
          assert.notEqual(run.exitCode, 0);
          assert.match(run.text, /cancel/i);
          assert.equal(stack.account(CLUSTER).length, 0);
        });
      }

      it("is created, from where it was interrupted if it was, with nothing made twice", async () => {
        const before = stack.account().map(({ id }) => id);
        const run = await stack.up();
        assertRun(run);
        assert.deepEqual(
          Object.keys(run.changes).filter((change) => change !== "unchanged"),
          ["created"],
          run.text,
        );
        assert.equal(stack.account(NODE_GROUP).length, karpenter ? 1 : Object.keys(groups).length + 1);
        assert.equal(stack.account(CLUSTER).length, 1);
        const after = stack.account().map(({ id }) => id);
        assert.deepEqual(
          before.filter((id) => !after.includes(id)),
          [],
        );
      });

      it("asks for what its controllers are to do", async () => {
        const counts = await Promise.all(
          ["scaledobjects", "horizontalpodautoscalers", "servicemonitors", "prometheusrules"].map(async (kind) => [
            kind,
            (await cluster.list(kind, "--all-namespaces")).length,
          ]),
        );
        assert.deepEqual(Object.fromEntries(counts), {
          scaledobjects: 1,
          horizontalpodautoscalers: 0,
          servicemonitors: 1,
          prometheusrules: 2,
        });
        if (!karpenter) return;
        const pools = Object.keys(groups).length;
        for (const kind of ["nodepools", "ec2nodeclasses", "nodeoverlays"])
          assert.equal((await cluster.list(kind)).length, pools, kind);
      });

      it("runs the service on nodes with GPUs, and what checks them", async () => {
        const gpuNodes = Object.keys(groups).flatMap((group) => aws.nodesOf(group));
        const pods = await cluster.pods();
        const detectors = pods.filter(({ labels }) => labels["app.kubernetes.io/name"] === "detector");
        assert.ok(detectors.length > 0);
        for (const { node, phase } of detectors) {
          assert.ok(node !== undefined && gpuNodes.includes(node), `a detector is on ${node}`);
          assert.equal(phase, "Running");
        }
        const checks = pods.filter(({ namespace }) => namespace === "gpu").map(({ phase }) => phase);
        assert.deepEqual(checks, ["Succeeded", "Succeeded"]);
      });

      it("changes nothing when it runs again", async () => {
        assertRun(await stack.up("--expect-no-changes"), {});
      });

      if (!karpenter)
        it("finds what it made in a refresh", async () => {
          assertRun(await stack.refresh("--expect-no-changes"), {});
        });

      if (asleep) {
        it("releases while no pod runs, and lets it stay so", async () => {
          const scale = ["scale", "deployment/detector", "--namespace", "yolo", "--replicas"];
          await cluster.kubectl([...scale, "0"]);
          // A Service without a pod is nothing to wait for, nor to call half made.
          assertRun(await stack.refresh());
          assertRun(await stack.up("--expect-no-changes"), {});
          await stack.configure((values) =>
            Object.assign(values, { "yolo:release": { ...RELEASE, image: `${RELEASE.image.slice(0, -1)}1` } }),
          );
          assertRun(await stack.up());
          const sets = await cluster.list<{ spec: { replicas: number } }>("replicasets", "--namespace", "yolo");
          // A set for each release, by whose age KEDA wakes the service.
          assert.deepEqual(
            sets.map(({ spec }) => spec.replicas),
            [0, 0],
          );
          await cluster.kubectl([...scale, "1"]);
          await cluster.kubectl(["rollout", "status", "deployment/detector", "--namespace", "yolo", "--timeout=60s"]);
        });
      }

      if (!karpenter)
        it("changes the size of node groups, and the release of their image, in place", async () => {
          await changeGroups((found) => {
            for (const group of Object.values(found))
              Object.assign(group, { max: group.max + 1, releaseVersion: NEXT_AMI });
          });
          const run = await stack.up();
          assertRun(run);
          assert.deepEqual(Object.keys(run.changes).sort(), ["unchanged", "updated"], run.text);
          const made = stack.account(NODE_GROUP).filter(({ inputs }) => inputs.releaseVersion === NEXT_AMI);
          assert.equal(made.length, Object.keys(groups).length);
        });

      it("is removed, once nothing is protected, and leaves nothing", async () => {
        if (name === "prod") {
          const refused = await stack.destroy();
          assert.notEqual(refused.exitCode, 0);
          assert.match(refused.text, /protect/);
          await stack.configure((values: StackValues) => Object.assign(values, { "yolo:protect": false }));
          assertRun(await stack.up());
        }
        const run = await stack.destroy();
        assertRun(run);
        assert.deepEqual(stack.account(), []);
        assert.deepEqual(await leftObjects(), { namespaces: [], definitions: [], storageClasses: [], system: [] });
      });
    });
  }
});

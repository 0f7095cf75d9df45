import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Rollout } from "../../infra/detector/args.ts";
import { podSpec } from "../../infra/detector/pod.ts";
import { deploymentStrategy } from "../../infra/detector/rollout.ts";
import { type GpuSharing, podsPerGpu, sharingLabels } from "../../infra/gpu/sharing.ts";
import { selectorLabels } from "../../infra/names.ts";
import type { GpuGroupSettings } from "../../infra/nodes/args.ts";
import { demandProblems } from "../../infra/nodes/demand.ts";
import { GPU_TAINT, gpuLabels, POOL_LABEL } from "../../infra/nodes/labels.ts";
import { userData } from "../../infra/nodes/user-data.ts";
import { detectorSchema } from "../../stacks/config/detector.ts";
import { nodesSchema } from "../../stacks/config/nodes.ts";
import { eventually } from "../support/cluster.ts";
import { type PlacedPod, SimulatedCluster } from "../support/simulated-cluster.ts";
import { nodeObject, reportedGpus } from "../support/simulated-node.ts";

const SHARED: GpuSharing = { mode: "timeSlicing", replicas: 3 };
const CUT: GpuSharing = { mode: "mig", profile: "2g.20gb", instances: 3 };

/** Three groups of two nodes with one GPU each: of whole GPUs, of shared ones, and of GPUs cut by MIG. */
const { gpu: GROUPS, system: SYSTEM } = nodesSchema.parse({
  system: { instanceTypes: ["m7i.large"], min: 2, max: 2 },
  gpu: {
    whole: { instanceTypes: ["g6.xlarge"], max: 2 },
    shared: { instanceTypes: ["g6.xlarge"], max: 2, sharing: SHARED },
    cut: { instanceTypes: ["p5.4xlarge"], max: 2, sharing: CUT },
  },
});
const { whole: WHOLE, shared: SHARES, cut: PARTS } = GROUPS as Record<"whole" | "shared" | "cut", GpuGroupSettings>;

/** Milliseconds after which pods that have no place yet are taken to get none. */
const PATIENCE_MS = 4000;

function nodesOf(group: string, settings: Omit<GpuGroupSettings, "sharing"> & { sharing?: GpuSharing }): object[] {
  const { instanceTypes, ami, max, sharing } = settings;
  const [instanceType] = instanceTypes;
  assert.ok(instanceType);
  const labels = {
    [POOL_LABEL]: group,
    ...(sharing !== undefined && { ...gpuLabels(instanceTypes, ami), ...sharingLabels(sharing) }),
  };
  return Array.from({ length: max }, (_, n) =>
    nodeObject({
      name: `${group}-${n}`,
      instanceType,
      zone: `eu-central-1${"ab"[n % 2]}`,
      labels,
      taints: sharing === undefined ? [] : [GPU_TAINT],
      gpus: reportedGpus(labels, instanceType, [SHARED, CUT], instancesMade(settings)),
    }),
  );
}

/** MIG instances that a machine makes of each GPU: what its user data orders. */
function instancesMade(settings: Parameters<typeof userData>[0]): number {
  const [, instances] = /^ExecStart=\S+ \S+ (\d+)$/m.exec(userData(settings)?.replaceAll("\\n", "\n") ?? "") ?? [];
  return Number(instances ?? 0);
}

/** A Deployment of the detector's own pods, which run nothing here. */
function detector(name: string, replicas: number, group: string, rollout: Rollout, revision = 1): object {
  const settings = detectorSchema.parse({
    resources: { requests: { cpu: "250m", memory: "2Gi" }, limits: { memory: "6Gi" }, gpus: 1 },
    serving: { executionProvider: "cuda", threads: 2, maxBatch: 8 },
    nodeSelector: { [POOL_LABEL]: group },
  });
  const labels = selectorLabels(name, "default");
  const spec = podSpec({
    settings,
    labels,
    image: "registry.invalid/detector:test",
    serviceAccountName: "default",
    configMapName: name,
    models: { type: "pod", sizeGib: 1 },
    downloads: true,
  });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: deploymentStrategy(rollout),
      template: { metadata: { labels, annotations: { revision: String(revision) } }, spec },
    },
  };
}

/** Pods that ask for no GPU and tolerate nothing. */
function plain(name: string, replicas: number): object {
  const labels = selectorLabels(name, "default");
  const resources = { requests: { cpu: "500m", memory: "64Mi" } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name, image: "registry.invalid/plain:test", resources }] },
      },
    },
  };
}

/** Placing of pods by the real scheduler, on simulated nodes. It shows nothing about GPUs themselves. */
describe("GPU nodes", function () {
  this.timeout(60_000);
  let cluster: SimulatedCluster;

  before(async () => {
    cluster = await SimulatedCluster.start();
    await cluster.apply(
      ...nodesOf("system", SYSTEM),
      ...Object.entries(GROUPS).flatMap(([name, group]) => nodesOf(name, group)),
    );
  });

  after(() => cluster?.[Symbol.asyncDispose]());

  afterEach(async () => {
    await cluster.kubectl(["delete", "deployments", "--all", "--wait=false"]);
    await cluster.kubectl(["delete", "pods", "--all", "--grace-period=0", "--force"]);
  });

  const podsOf = async (name: string): Promise<PlacedPod[]> =>
    (await cluster.pods()).filter(({ labels }) => labels["app.kubernetes.io/name"] === name);

  /** The pods of a Deployment once they all exist, and either all run or get no place for some time. */
  const settled = async (name: string, count: number): Promise<PlacedPod[]> => {
    const until = Date.now() + PATIENCE_MS;
    return eventually(`${count} pods of ${name}`, async () => {
      const pods = await podsOf(name);
      if (pods.length !== count) return undefined;
      return pods.every(({ phase }) => phase === "Running") || Date.now() > until ? pods : undefined;
    });
  };

  const running = (pods: PlacedPod[]) => pods.filter(({ phase }) => phase === "Running");
  const groupOf = ({ node }: PlacedPod) => node?.replace(/-\d+$/, "");

  it("hold the pods that ask for GPUs, and no others, however full the rest is", async () => {
    const surge: Rollout = { mode: "availability", maxSurge: 1 };
    await cluster.apply(plain("plain", 12), detector("detector", 1, "whole", surge));
    const [plains, detectors] = [await settled("plain", 12), await settled("detector", 1)];
    assert.deepEqual(detectors.map(groupOf), ["whole"]);
    assert.deepEqual([...new Set(running(plains).map(groupOf))], ["system"]);
    assert.ok(running(plains).length < 12, "the system nodes were not full");
    const placed = plains.filter(({ node }) => node !== undefined);
    assert.equal(placed.length, running(plains).length);
  });

  for (const [name, group] of Object.entries({ whole: WHOLE, shared: SHARES, cut: PARTS })) {
    it(`take one pod for each GPU, or share of one (${name})`, async () => {
      const capacity = group.max * podsPerGpu(group.sharing);
      await cluster.apply(detector(name, capacity + 1, name, { mode: "availability", maxSurge: 1 }));
      const pods = await settled(name, capacity + 1);
      assert.equal(running(pods).length, capacity);
      assert.deepEqual([...new Set(running(pods).map(groupOf))], [name]);
    });
  }

  /** Whether a changed Deployment of so many pods is replaced as a whole. */
  const rollsOut = async (name: string, replicas: number, rollout: Rollout): Promise<boolean> => {
    await cluster.apply(detector(name, replicas, "shared", rollout));
    assert.equal(running(await settled(name, replicas)).length, replicas);
    const before = new Set((await podsOf(name)).map((pod) => pod.name));
    await cluster.apply(detector(name, replicas, "shared", rollout, 2));
    for (const until = Date.now() + 2 * PATIENCE_MS; Date.now() < until; await sleep(200)) {
      const pods = await podsOf(name);
      if (pods.length === replicas && pods.every((pod) => !before.has(pod.name) && pod.phase === "Running"))
        return true;
    }
    return false;
  };

  const capacity = SHARES.max * podsPerGpu(SHARES.sharing);
  const cases: { what: string; replicas: number; rollout: Rollout }[] = [
    {
      what: "one pod fewer than fits, with one more at a time",
      replicas: capacity - 1,
      rollout: { mode: "availability", maxSurge: 1 },
    },
    {
      what: "as many pods as fit, with one more at a time",
      replicas: capacity,
      rollout: { mode: "availability", maxSurge: 1 },
    },
    {
      what: "as many pods as fit, with one fewer at a time",
      replicas: capacity,
      rollout: { mode: "resourceAware", maxUnavailable: 1 },
    },
  ];
  for (const [n, { what, replicas, rollout }] of cases.entries()) {
    it(`let a rollout end exactly where the check of the configuration says so: ${what}`, async () => {
      const demand = { replicas: { min: 1, max: replicas }, rollout, gpusPerPod: 1 };
      const allowed = demandProblems(demand, { shared: SHARES }).length === 0;
      assert.equal(allowed, n !== 1);
      assert.equal(await rollsOut(`rollout-${n}`, replicas, rollout), allowed);
    });
  }
});

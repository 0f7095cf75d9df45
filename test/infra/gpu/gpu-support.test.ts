import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import * as pulumi from "@pulumi/pulumi";
import { execa } from "execa";
import { dcgmValues } from "../../../infra/gpu/dcgm.ts";
import { devicePluginValues, pluginConfig } from "../../../infra/gpu/device-plugin.ts";
import { GpuCheck, type GpuCheckArgs } from "../../../infra/gpu/gpu-check.ts";
import { GpuSupport, type GpuSupportArgs } from "../../../infra/gpu/gpu-support.ts";
import { type GpuSharing, podsPerGpu, sharingLabels, sharingName } from "../../../infra/gpu/sharing.ts";
import { unknownKeys } from "../../support/chart-values.ts";
import { find, installMocks, type Recording, settle } from "../../support/pulumi.ts";

const IMAGE = `docker.io/yolo/detector@sha256:${"0123456789abcdef".repeat(4)}`;
const SHARINGS: GpuSharing[] = [
  { mode: "none" },
  { mode: "timeSlicing", replicas: 4 },
  { mode: "mps", replicas: 3 },
  { mode: "mig", profile: "1g.5gb", instances: 7 },
];
const CHART = "kubernetes:helm.sh/v4:Chart";
const JOB = "kubernetes:batch/v1:Job";

async function build(changes: Partial<GpuSupportArgs> = {}): Promise<Recording> {
  const recording = await installMocks();
  const parent = new pulumi.ComponentResource("test:Parent", "parent");
  const args: GpuSupportArgs = {
    charts: { from: "upstream" },
    api: "devicePlugin",
    sharings: SHARINGS,
    metrics: true,
  };
  new GpuSupport("gpu", { ...args, ...changes }, { parent });
  await settle();
  return recording;
}

async function buildCheck(api: GpuCheckArgs["api"] = "devicePlugin"): Promise<Recording> {
  const recording = await installMocks();
  new GpuCheck("gpu-check", { namespace: "gpu", api, image: IMAGE });
  await settle();
  return recording;
}

interface JobInputs {
  metadata: { name?: string };
  spec: { backoffLimit: number; activeDeadlineSeconds: number; template: { spec: PodSpec } };
}

interface PodSpec {
  nodeSelector: Record<string, string>;
  tolerations: object[];
  resourceClaims?: object[];
  containers: [{ image: string; command: string[]; resources: { limits: Record<string, string>; claims?: object[] } }];
}

const jobPod = (recording: Recording, name: string) =>
  (find(recording, JOB, name).inputs as unknown as JobInputs).spec.template.spec;

describe("ways of sharing a GPU", () => {
  it("have names that labels may have, and multiply the pods of a GPU", () => {
    assert.deepEqual(SHARINGS.map(sharingName), ["none", "time-slicing-4", "mps-3", "mig-1g.5gb"]);
    assert.deepEqual(SHARINGS.map(podsPerGpu), [1, 4, 3, 7]);
  });

  it("label the nodes, and those with MPS for its server", () => {
    const key = "nvidia.com/device-plugin.config";
    assert.deepEqual(SHARINGS.map(sharingLabels), [
      { [key]: "none" },
      { [key]: "time-slicing-4" },
      { [key]: "mps-3", "nvidia.com/mps.capable": "true" },
      { [key]: "mig-1g.5gb" },
    ]);
  });

  it("become configurations in which pods always ask for nvidia.com/gpu, one at most where it is a share", () => {
    const share = (replicas: number) => ({ renameByDefault: false, resources: [{ name: "nvidia.com/gpu", replicas }] });
    assert.deepEqual(SHARINGS.map(pluginConfig), [
      { version: "v1", flags: { migStrategy: "none" } },
      {
        version: "v1",
        flags: { migStrategy: "none" },
        sharing: { timeSlicing: { ...share(4), failRequestsGreaterThanOne: true } },
      },
      { version: "v1", flags: { migStrategy: "none" }, sharing: { mps: share(3) } },
      { version: "v1", flags: { migStrategy: "single" } },
    ]);
  });
});

describe("values of NVIDIA's charts", () => {
  for (const [chart, values, commented] of [
    ["nvidia-device-plugin", devicePluginValues(SHARINGS), []],
    ["dcgm-exporter", dcgmValues({ dra: false }), ["customMetrics"]],
  ] as const) {
    it(`are keys that ${chart} has`, function () {
      const unknown = unknownKeys(values, chart, { commented: [...commented] });
      if (unknown === undefined) this.skip();
      assert.deepEqual(unknown, []);
    });
  }

  it("give the plugin a configuration of each way, whole GPUs being the default", () => {
    const { config } = devicePluginValues([{ mode: "timeSlicing", replicas: 4 }]);
    assert.deepEqual(Object.keys(config.map), ["none", "time-slicing-4"]);
    assert.equal(config.default, "none");
    assert.equal(JSON.parse(config.map["time-slicing-4"] ?? "").sharing.timeSlicing.resources[0].replicas, 4);
  });

  it("give GPUs to pods through the container runtime, whose word a pod without privileges may have", () => {
    assert.equal(devicePluginValues([]).deviceListStrategy, "cdi-cri");
  });

  it("leave memory to the MPS server, to which the chart gives the plugin's limits", () => {
    assert.deepEqual(devicePluginValues([{ mode: "timeSlicing", replicas: 2 }]).resources.limits, { memory: "128Mi" });
    assert.equal(devicePluginValues(SHARINGS).resources.limits, undefined);
  });

  it("place the plugin on nodes with a GPU that have no plugin of their own (P2)", () => {
    const { affinity, tolerations, gfd } = devicePluginValues([]);
    assert.deepEqual(affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms, [
      {
        matchExpressions: [
          { key: "nvidia.com/gpu.present", operator: "In", values: ["true"] },
          { key: "yolo/device-plugin", operator: "NotIn", values: ["built-in"] },
        ],
      },
    ]);
    assert.deepEqual(tolerations, [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }]);
    assert.deepEqual(gfd, { enabled: false });
  });

  it("place the exporter on nodes with a GPU only, with room and the one right it needs to see GPUs (P7, P28)", () => {
    const values = dcgmValues({ dra: true });
    assert.deepEqual(values.nodeSelector, { "nvidia.com/gpu.present": "true" });
    assert.deepEqual(values.tolerations, [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }]);
    assert.equal(values.resources.limits.memory, "1Gi");
    assert.deepEqual(values.securityContext.capabilities, { add: ["SYS_ADMIN"], drop: ["ALL"] });
    assert.equal(values.serviceMonitor.honorLabels, true);
    assert.equal(values.kubernetesDRA.enabled, true);
  });
});

describe("GpuSupport", () => {
  it("installs the device plugin and the exporter, pinned, in a namespace that allows what they mount", async () => {
    const recording = await build();
    const { metadata } = find(recording, "kubernetes:core/v1:Namespace", "gpu").inputs as {
      metadata: { name: string; labels: Record<string, string> };
    };
    assert.equal(metadata.name, "gpu");
    assert.equal(metadata.labels["pod-security.kubernetes.io/enforce"], "privileged");
    for (const [name, chart, version] of [
      ["gpu-plugin", "nvidia-device-plugin", "0.20.0"],
      ["gpu-dcgm", "dcgm-exporter", "4.8.2"],
    ] as const) {
      const { inputs } = find(recording, CHART, name);
      assert.deepEqual([inputs.chart, inputs.version, inputs.namespace], [chart, version, "gpu"]);
    }
  });

  it("leaves the exporter out where nothing knows its monitor", async () => {
    const { resources } = await build({ metrics: false });
    assert.deepEqual(
      resources.filter(({ type }) => type === CHART).map(({ name }) => name),
      ["gpu-plugin"],
    );
  });

  it("takes charts from a mirror or a folder", async () => {
    const mirror = await build({ charts: { from: "mirror", repository: "oci://mirror.example.com/charts/" } });
    assert.equal(
      find(mirror, CHART, "gpu-plugin").inputs.chart,
      "oci://mirror.example.com/charts/nvidia-device-plugin",
    );
    const folder = await build({ api: "dra", charts: { from: "directory", path: "/charts" } });
    const { inputs } = find(folder, CHART, "gpu-dra");
    assert.deepEqual([inputs.chart, inputs.version], ["/charts/dra-driver-nvidia-gpu", undefined]);
  });

  it("installs NVIDIA's driver for claims instead", async () => {
    const recording = await build({ api: "dra" });
    const { inputs } = find(recording, CHART, "gpu-dra");
    assert.deepEqual(
      [inputs.chart, inputs.version],
      ["oci://registry.k8s.io/dra-driver-nvidia/charts/dra-driver-nvidia-gpu", "0.4.1"],
    );
    assert.equal(
      recording.resources.some(({ name }) => name === "gpu-plugin"),
      false,
    );
  });
});

describe("GpuCheck", () => {
  it("checks that a pod that asks sees a GPU, and then that one on such a node that does not ask sees none", async () => {
    const recording = await buildCheck();
    const asks = jobPod(recording, "gpu-check");
    const asksNot = jobPod(recording, "gpu-check-none");
    for (const { nodeSelector, tolerations, containers } of [asks, asksNot]) {
      assert.deepEqual(nodeSelector, { "nvidia.com/gpu.present": "true" });
      assert.deepEqual(tolerations, [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }]);
      assert.equal(containers[0].image, IMAGE);
    }
    assert.equal(asks.containers[0].resources.limits["nvidia.com/gpu"], "1");
    assert.equal(asksNot.containers[0].resources.limits["nvidia.com/gpu"], undefined);
    assert.deepEqual(
      [asks, asksNot].map(({ containers }) => containers[0].command.at(-1)),
      ["some", "none"],
    );
    const first = find(recording, JOB, "gpu-check");
    assert.ok(find(recording, JOB, "gpu-check-none").dependencies.includes(first.urn));
    const { spec, metadata } = first.inputs as unknown as JobInputs;
    assert.deepEqual([spec.backoffLimit, spec.activeDeadlineSeconds, metadata.name], [0, 1500, undefined]);
  });

  it("runs a check that tells a machine with a GPU from one without", async function () {
    const devices = (await readdir("/dev")).filter((name) => /^nvidia\d+$/.test(name));
    if (devices.length > 0) this.skip();
    const recording = await buildCheck();
    const run = (name: string) =>
      execa(process.execPath, jobPod(recording, name).containers[0].command.slice(1), { reject: false });
    const none = await run("gpu-check-none");
    assert.equal(none.exitCode, 0, none.stderr);
    assert.match(none.stdout, /GPU devices: none/);
    const some = await run("gpu-check");
    assert.equal(some.exitCode, 1);
    assert.match(some.stderr, /Expected a working GPU for a pod that asked for one/);
  });

  it("claims its GPU where GPUs are claimed", async () => {
    const recording = await buildCheck("dra");
    const claim = find(recording, "kubernetes:resource.k8s.io/v1:ResourceClaimTemplate", "gpu-check").inputs as {
      metadata: { name: string };
      spec: object;
    };
    assert.deepEqual(claim.spec, {
      spec: { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu.nvidia.com", count: 1 } }] } },
    });
    const pod = jobPod(recording, "gpu-check");
    assert.deepEqual(pod.resourceClaims, [{ name: "gpu", resourceClaimTemplateName: claim.metadata.name }]);
    assert.deepEqual(pod.containers[0].resources.claims, [{ name: "gpu" }]);
    assert.equal(pod.containers[0].resources.limits["nvidia.com/gpu"], undefined);
    assert.equal(jobPod(recording, "gpu-check-none").resourceClaims, undefined);
  });
});

import assert from "node:assert/strict";
import { podSpec, terminationSeconds } from "../../../infra/detector/pod.ts";
import { detectorSchema } from "../../../stacks/config/detector.ts";

const settings = detectorSchema.parse({});
const pod = podSpec({
  settings,
  labels: { app: "detector" },
  image: `detector@sha256:${"0".repeat(64)}`,
  serviceAccountName: "detector",
  configMapName: "detector",
  secretName: "detector",
  models: { claimName: "models" },
  downloads: false,
}) as unknown as Pod;

/** The fields that the standard speaks about, as the API server gets them. */
interface Pod {
  hostNetwork?: boolean;
  hostPID?: boolean;
  hostIPC?: boolean;
  securityContext: PodSecurity & { sysctls?: unknown[] };
  volumes: Record<string, unknown>[];
  containers: Container[];
  initContainers?: Container[];
  ephemeralContainers?: Container[];
}

interface PodSecurity {
  runAsNonRoot?: boolean;
  runAsUser?: number;
  seccompProfile?: { type: string };
  seLinuxOptions?: unknown;
  appArmorProfile?: { type: string };
  windowsOptions?: unknown;
}

interface Container {
  ports: { hostPort?: number }[];
  securityContext: PodSecurity & {
    privileged?: boolean;
    procMount?: string;
    allowPrivilegeEscalation?: boolean;
    capabilities?: { drop?: string[]; add?: string[] };
  };
}

const containers = [...pod.containers, ...(pod.initContainers ?? []), ...(pod.ephemeralContainers ?? [])];
const contexts: PodSecurity[] = [pod.securityContext, ...containers.map((container) => container.securityContext)];

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, which includes "baseline". */
const RESTRICTED: Record<string, () => boolean> = {
  "no host namespaces": () => !pod.hostNetwork && !pod.hostPID && !pod.hostIPC,
  "no privileged container": () => containers.every(({ securityContext }) => !securityContext.privileged),
  "no host ports": () => containers.every(({ ports }) => ports.every(({ hostPort }) => hostPort === undefined)),
  "default AppArmor profile": () => contexts.every(({ appArmorProfile }) => appArmorProfile === undefined),
  "default SELinux options": () => contexts.every(({ seLinuxOptions }) => seLinuxOptions === undefined),
  "default /proc mount": () => containers.every(({ securityContext }) => securityContext.procMount === undefined),
  "no sysctls": () => pod.securityContext.sysctls === undefined,
  "no Windows host process": () => contexts.every(({ windowsOptions }) => windowsOptions === undefined),
  "volumes of allowed types only": () =>
    pod.volumes.every((volume) => {
      const types = Object.keys(volume).filter((key) => key !== "name");
      return (
        types.length === 1 && types.every((type) => ["persistentVolumeClaim", "emptyDir", "secret"].includes(type))
      );
    }),
  "no privilege escalation": () =>
    containers.every(({ securityContext }) => securityContext.allowPrivilegeEscalation === false),
  "not run as root": () =>
    pod.securityContext.runAsNonRoot === true && contexts.every(({ runAsNonRoot }) => runAsNonRoot !== false),
  "no root user": () =>
    pod.securityContext.runAsUser !== undefined && contexts.every(({ runAsUser }) => runAsUser !== 0),
  "seccomp profile": () =>
    pod.securityContext.seccompProfile?.type === "RuntimeDefault" &&
    contexts.every(({ seccompProfile }) => seccompProfile?.type !== "Unconfined"),
  "no capabilities": () =>
    containers.every(({ securityContext: { capabilities } }) => {
      return capabilities?.drop?.includes("ALL") && capabilities.add === undefined;
    }),
};

describe("podSpec", () => {
  for (const [rule, holds] of Object.entries(RESTRICTED)) {
    it(`satisfies PodSecurity "restricted": ${rule}`, () => {
      assert.ok(holds());
    });
  }

  it("gives a stopping pod time for its drain, its longest request and its exit", () => {
    const serving = { ...settings.serving, requestTimeoutMs: 30_001 };
    assert.equal(terminationSeconds({ drainSeconds: 15, serving }), 15 + 31 + 6);
  });
});

describe("a pod that asks for GPUs", () => {
  const pod = (gpuApi: "devicePlugin" | "dra", gpuClaimTemplateName?: string) => {
    const resources = { ...settings.resources, gpus: 2 };
    const spec = podSpec({
      settings: { ...settings, resources, gpuApi },
      labels: { app: "detector" },
      image: "detector",
      serviceAccountName: "detector",
      configMapName: "detector",
      models: { claimName: "models" },
      downloads: false,
      gpuClaimTemplateName,
    });
    const { containers, tolerations, resourceClaims } = spec as unknown as {
      containers: [{ resources: { requests: object; limits: object; claims?: object[] } }];
      tolerations: object[];
      resourceClaims?: object[];
    };
    return { resources: containers[0].resources, tolerations, resourceClaims };
  };
  const TOLERATION = { key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" };

  it("counts them by the device plugin's resource", () => {
    const { resources, tolerations, resourceClaims } = pod("devicePlugin");
    assert.deepEqual(resources, {
      requests: { cpu: "1", memory: "1Gi", "nvidia.com/gpu": "2" },
      limits: { memory: "2Gi", "nvidia.com/gpu": "2" },
    });
    assert.deepEqual(tolerations, [TOLERATION]);
    assert.equal(resourceClaims, undefined);
  });

  it("or claims them", () => {
    const { resources, tolerations, resourceClaims } = pod("dra", "detector-gpu");
    assert.deepEqual(resources, {
      requests: { cpu: "1", memory: "1Gi" },
      limits: { memory: "2Gi" },
      claims: [{ name: "gpu" }],
    });
    assert.deepEqual(tolerations, [TOLERATION]);
    assert.deepEqual(resourceClaims, [{ name: "gpu", resourceClaimTemplateName: "detector-gpu" }]);
  });
});

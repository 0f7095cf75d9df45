import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { CONTAINER, PATHS, PORTS } from "../../service/contract.ts";
import { GPU_CLAIM, podResourceClaims } from "../gpu/dra.ts";
import { GPU_RESOURCE, GPU_TOLERATION } from "../nodes/labels.ts";
import type { DetectorSettings, Serving } from "./args.ts";
import { type PassingVolume, passingVolume } from "./model-volume.ts";

/**
 * Seconds that a pod may take until its model is loaded and warmed up, and before that downloaded, or compiled as TensorRT
 * does at each start; then it is restarted. A download goes on where it stopped.
 */
export function startupLimitSeconds(
  downloads: boolean,
  { executionProvider }: Pick<Serving, "executionProvider">,
): number {
  return downloads || executionProvider === "tensorrt" ? 900 : 300;
}

/** Readable by the service's group, which the volume gets by `fsGroup`, and by nobody else. */
const SECRET_MODE = 0o440;

/** Seconds beyond the longest request that the process takes to end, by its own limits (`service/src/drain.ts`, `server.ts`). */
const EXIT_SECONDS = 6;

/** What a pod needs to know besides its settings. */
export interface PodArgs {
  settings: DetectorSettings;
  labels: Record<string, string>;
  image: pulumi.Input<string>;
  serviceAccountName: pulumi.Input<string>;
  configMapName: pulumi.Input<string>;
  /** Missing where there are no secrets. */
  secretName?: pulumi.Input<string> | undefined;
  /** Where the models lie: on a volume that is claimed already, or on one that ends with the pod. */
  models: { claimName: pulumi.Input<string> } | PassingVolume;
  /** Whether the pod puts files on the model volume. */
  downloads: boolean;
  /** Template of the claim by which each pod gets its GPUs; missing where a device plugin counts them, and without any. */
  gpuClaimTemplateName?: pulumi.Input<string> | undefined;
}

/** Seconds from the order to stop until a pod is killed: long enough to answer the last request that it accepted. */
export function terminationSeconds({ drainSeconds, serving }: Pick<DetectorSettings, "drainSeconds" | "serving">) {
  return drainSeconds + Math.ceil(serving.requestTimeoutMs / 1000) + EXIT_SECONDS;
}

/** The pod of the detection service, within PodSecurity "restricted". */
export function podSpec(args: PodArgs): k8s.types.input.core.v1.PodSpec {
  const { settings } = args;
  return {
    serviceAccountName: args.serviceAccountName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: terminationSeconds(settings),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: CONTAINER.uid,
      runAsGroup: CONTAINER.uid,
      fsGroup: CONTAINER.uid,
      // Changing the owner of every file on each start would be slow, and impossible on a read-only volume.
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    nodeSelector: settings.nodeSelector,
    tolerations: [
      ...settings.tolerations.map((toleration) => ({ ...toleration })),
      ...(settings.resources.gpus > 0 ? [{ ...GPU_TOLERATION }] : []),
    ],
    ...(args.gpuClaimTemplateName !== undefined && { resourceClaims: podResourceClaims(args.gpuClaimTemplateName) }),
    topologySpreadConstraints: ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
      topologyKey,
      maxSkew: 1,
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: args.labels },
      // Counts the pods of one revision only: those about to go would push new ones to the wrong side.
      matchLabelKeys: ["pod-template-hash"],
    })),
    containers: [detectorContainer(args)],
    volumes: podVolumes(args),
  };
}

function podVolumes({ models, labels, downloads, secretName }: PodArgs): k8s.types.input.core.v1.Volume[] {
  const volume =
    "type" in models
      ? passingVolume(models, labels)
      : { persistentVolumeClaim: { claimName: models.claimName, readOnly: !downloads } };
  const tmp = { name: "tmp", emptyDir: { sizeLimit: "64Mi" } };
  const secrets = { name: "secrets", secret: { secretName, defaultMode: SECRET_MODE } };
  return [{ name: "models", ...volume }, tmp, ...(secretName === undefined ? [] : [secrets])];
}

function detectorContainer(args: PodArgs): k8s.types.input.core.v1.Container {
  const { settings } = args;
  return {
    name: "detector",
    image: args.image,
    imagePullPolicy: "IfNotPresent",
    ports: [{ name: "http", containerPort: PORTS.http, protocol: "TCP" }],
    envFrom: [{ configMapRef: { name: args.configMapName } }],
    resources: containerResources(settings),
    startupProbe: {
      ...httpProbe(PATHS.startup),
      periodSeconds: 1,
      failureThreshold: startupLimitSeconds(args.downloads, settings.serving),
    },
    livenessProbe: { ...httpProbe(PATHS.live), periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 3 },
    readinessProbe: { ...httpProbe(PATHS.ready), periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 },
    lifecycle: { preStop: { sleep: { seconds: settings.drainSeconds } } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      privileged: false,
      readOnlyRootFilesystem: true,
    },
    volumeMounts: [
      { name: "models", mountPath: CONTAINER.modelDir, readOnly: !args.downloads },
      { name: "tmp", mountPath: CONTAINER.tmpDir },
      // A whole folder: a file mounted alone (subPath) would never show a change.
      ...(args.secretName === undefined ? [] : [{ name: "secrets", mountPath: CONTAINER.secretDir, readOnly: true }]),
    ],
  };
}

function httpProbe(path: string): k8s.types.input.core.v1.Probe {
  return { httpGet: { path, port: "http" } };
}

function containerResources({ resources, gpuApi }: DetectorSettings): k8s.types.input.core.v1.ResourceRequirements {
  const { requests, limits, gpus } = resources;
  const counted = gpus > 0 && gpuApi === "devicePlugin" ? { [GPU_RESOURCE]: String(gpus) } : {};
  return {
    requests: { ...requests, ...counted },
    limits: { ...(limits.cpu !== undefined && { cpu: limits.cpu }), memory: limits.memory, ...counted },
    ...(gpus > 0 && gpuApi === "dra" && { claims: [{ name: GPU_CLAIM }] }),
  };
}

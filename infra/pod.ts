import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { CONTAINER, PATHS, PORTS } from "../service/contract.ts";
import type { DetectorSettings } from "./detector-args.ts";

/** Seconds that a pod may take until its model is loaded and warmed up; then it is restarted. */
export const STARTUP_LIMIT_SECONDS = 300;

/** Seconds for the process to end after its last answer. */
const EXIT_SECONDS = 5;

/** What a pod needs to know besides its settings. */
export interface PodArgs {
  settings: DetectorSettings;
  labels: Record<string, string>;
  image: pulumi.Input<string>;
  serviceAccountName: pulumi.Input<string>;
  configMapName: pulumi.Input<string>;
  secretName: pulumi.Input<string>;
  claimName: pulumi.Input<string>;
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
    tolerations: settings.tolerations.map((toleration) => ({ ...toleration })),
    topologySpreadConstraints: ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
      topologyKey,
      maxSkew: 1,
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: args.labels },
      // Counts the pods of one revision only: those about to go would push new ones to the wrong side.
      matchLabelKeys: ["pod-template-hash"],
    })),
    containers: [detectorContainer(args)],
    volumes: [
      { name: "models", persistentVolumeClaim: { claimName: args.claimName, readOnly: true } },
      { name: "tmp", emptyDir: { sizeLimit: "64Mi" } },
    ],
  };
}

function detectorContainer(args: PodArgs): k8s.types.input.core.v1.Container {
  const { settings } = args;
  return {
    name: "detector",
    image: args.image,
    imagePullPolicy: "IfNotPresent",
    ports: [{ name: "http", containerPort: PORTS.http, protocol: "TCP" }],
    envFrom: [{ configMapRef: { name: args.configMapName } }, { secretRef: { name: args.secretName } }],
    resources: { requests: settings.resources.requests, limits: definedLimits(settings.resources.limits) },
    startupProbe: { ...httpProbe(PATHS.startup), periodSeconds: 1, failureThreshold: STARTUP_LIMIT_SECONDS },
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
      { name: "models", mountPath: CONTAINER.modelDir, readOnly: true },
      { name: "tmp", mountPath: CONTAINER.tmpDir },
    ],
  };
}

function httpProbe(path: string): k8s.types.input.core.v1.Probe {
  return { httpGet: { path, port: "http" } };
}

function definedLimits({ cpu, memory }: DetectorSettings["resources"]["limits"]): Record<string, string> {
  return { ...(cpu !== undefined && { cpu }), memory };
}

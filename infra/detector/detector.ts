import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PORTS } from "../../service/contract.ts";
import { gpuClaimSpec } from "../gpu/dra.ts";
import { contentName, objectLabels, podSecurityLabels, selectorLabels } from "../names.ts";
import { refuseProblems } from "../problems.ts";
import type { DetectorArgs } from "./args.ts";
import { makeAutoscaler } from "./autoscaler.ts";
import { detectorProblems, modelProblems } from "./checks.ts";
import { egressRules } from "./egress.ts";
import { downloadsModel, serviceEnvironment } from "./environment.ts";
import { claimSpec, endsWithPod, hostPathVolumeSpec, volumeIdentity } from "./model-volume.ts";
import { DENY_ALL, detectorPolicy } from "./network-policy.ts";
import { type PodArgs, podSpec, startupLimitSeconds } from "./pod.ts";
import { deploymentStrategy } from "./rollout.ts";

/** The part of an object's metadata that this component sets. */
interface ObjectMeta {
  name: string;
  namespace: pulumi.Output<string>;
  labels: Record<string, string>;
}

/** Port of the Service; the pods' own is the contract's. */
const SERVICE_PORT = 80;

/** Seconds that a new pod must stay ready before the rollout goes on, so that a crash after the first request stops it. */
const MIN_READY_SECONDS = 3;

/** A detection service in a namespace of its own: pods, and everything that configures, exposes, scales and guards them. */
export class Detector extends pulumi.ComponentResource {
  /** Name of the namespace that holds the service. */
  readonly namespace: pulumi.Output<string>;
  /** Name of the Service. */
  readonly service: pulumi.Output<string>;
  /** Name of the Deployment. */
  readonly deployment: pulumi.Output<string>;
  /** Port on every node; undefined when the Service has none. */
  readonly nodePort: pulumi.Output<number | undefined>;

  /** Throws one ResourceError that lists every problem when settings do not go together. */
  constructor(name: string, args: DetectorArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:Detector", name, {}, opts);
    const problems = [...detectorProblems(args), ...modelProblems(args.model, args.modelVolume)];
    refuseProblems(problems, this);

    const parent = { parent: this };
    const podLabels = selectorLabels(name, args.namespace);
    const labels = objectLabels(name, args.namespace);

    const namespace = new k8s.core.v1.Namespace(
      name,
      { metadata: { name: args.namespace, labels: { ...args.namespaceLabels, ...labels, ...podSecurityLabels() } } },
      parent,
    );
    const metadata = (objectName: string) => ({ name: objectName, namespace: namespace.metadata.name, labels });

    const denyAll = new k8s.networking.v1.NetworkPolicy(
      `${name}-deny-all`,
      { metadata: metadata("deny-all"), spec: DENY_ALL },
      parent,
    );
    const policy = new k8s.networking.v1.NetworkPolicy(
      name,
      {
        metadata: metadata(name),
        spec: detectorPolicy(podLabels, args.allowFrom, egressRules(args.model, args.serving)),
      },
      parent,
    );
    const serviceAccount = new k8s.core.v1.ServiceAccount(
      name,
      { metadata: metadata(name), automountServiceAccountToken: false },
      parent,
    );

    const environment = serviceEnvironment(args.serving, args.model, args.secrets !== undefined);
    // Immutable and named by its content: a change makes a new object, which changes the pods that name it, and the old
    // one stays until the last old pod has gone. Pods that read a ConfigMap changed in place would differ from each other.
    const configMap = new k8s.core.v1.ConfigMap(
      name,
      { metadata: metadata(contentName(name, environment)), immutable: true, data: { ...environment } },
      parent,
    );
    // Changed in place, unlike the settings: pods read the mounted file again, and keys change without a restart.
    const secret =
      args.secrets === undefined
        ? undefined
        : new k8s.core.v1.Secret(
            name,
            { metadata: metadata(name), type: "Opaque", stringData: { ...args.secrets } },
            parent,
          );

    const gpuClaim = gpuClaimTemplate(name, args, metadata, parent);
    const downloads = downloadsModel(args.model);
    const models = modelSource(name, args, metadata, parent);
    const deployment = new k8s.apps.v1.Deployment(
      name,
      {
        metadata: metadata(name),
        spec: {
          // No `replicas`: the autoscaler owns them (https://github.com/pulumi/pulumi-kubernetes/issues/2569).
          selector: { matchLabels: podLabels },
          strategy: deploymentStrategy(args.rollout),
          minReadySeconds: MIN_READY_SECONDS,
          progressDeadlineSeconds: 2 * startupLimitSeconds(downloads, args.serving),
          revisionHistoryLimit: 3,
          template: {
            metadata: { labels },
            spec: podSpec({
              settings: args,
              labels: podLabels,
              image: args.image,
              serviceAccountName: serviceAccount.metadata.name,
              configMapName: configMap.metadata.name,
              secretName: secret?.metadata.name,
              models,
              downloads,
              gpuClaimTemplateName: gpuClaim?.metadata.name,
            }),
          },
        },
      },
      // Policies first, so that no pod ever runs without them.
      { ...parent, dependsOn: [denyAll, policy] },
    );

    const { type, nodePort } = args.service;
    const service = new k8s.core.v1.Service(
      name,
      {
        metadata: metadata(name),
        spec: {
          type,
          selector: podLabels,
          ports: [
            {
              name: "http",
              port: SERVICE_PORT,
              targetPort: "http" satisfies keyof typeof PORTS,
              protocol: "TCP",
              appProtocol: "http",
              ...(nodePort !== undefined && { nodePort }),
            },
          ],
        },
      },
      parent,
    );

    // Always lets one pod go, so that a node can be drained whatever the number of pods.
    new k8s.policy.v1.PodDisruptionBudget(
      name,
      {
        metadata: metadata(name),
        spec: { maxUnavailable: 1, selector: { matchLabels: podLabels }, unhealthyPodEvictionPolicy: "AlwaysAllow" },
      },
      parent,
    );
    makeAutoscaler(name, { ...args, deployment, metadata: metadata(name) }, this);

    this.namespace = namespace.metadata.name;
    this.service = service.metadata.name;
    this.deployment = deployment.metadata.name;
    this.nodePort = service.spec.ports.apply((ports) => ports[0]?.nodePort);
    this.registerOutputs({
      namespace: this.namespace,
      service: this.service,
      deployment: this.deployment,
      nodePort: this.nodePort,
    });
  }
}

/** The template of the claims by which pods get GPUs, named by its content because it cannot be changed. */
function gpuClaimTemplate(
  name: string,
  { gpuApi, resources: { gpus } }: DetectorArgs,
  metadata: (name: string) => ObjectMeta,
  parent: { parent: pulumi.Resource },
): k8s.resource.v1.ResourceClaimTemplate | undefined {
  if (gpus === 0 || gpuApi !== "dra") return undefined;
  const spec = gpuClaimSpec(gpus);
  return new k8s.resource.v1.ResourceClaimTemplate(
    `${name}-gpu`,
    { metadata: metadata(contentName(`${name}-gpu`, { spec })), spec },
    parent,
  );
}

/** The volume of the model files, claimed for all pods, or what each pod has instead. */
function modelSource(
  name: string,
  { modelVolume: volume, namespace }: DetectorArgs,
  metadata: (name: string) => ObjectMeta,
  parent: { parent: pulumi.Resource },
): PodArgs["models"] {
  if (endsWithPod(volume)) return volume;
  const claimName = contentName(`${name}-models`, volumeIdentity(volume));
  const volumeName = `${namespace}-${claimName}`;
  const { labels } = metadata(volumeName);
  const volumes =
    volume.type === "hostPath"
      ? [
          new k8s.core.v1.PersistentVolume(
            `${name}-models`,
            {
              metadata: { name: volumeName, labels },
              spec: hostPathVolumeSpec(volume, { name: claimName, namespace }),
            },
            parent,
          ),
        ]
      : [];
  const claim = new k8s.core.v1.PersistentVolumeClaim(
    `${name}-models`,
    { metadata: metadata(claimName), spec: claimSpec(volume, volumeName) },
    { ...parent, dependsOn: volumes },
  );
  return { claimName: claim.metadata.name };
}

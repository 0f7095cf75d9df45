import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type ChartSource, installChart } from "../charts.ts";
import type { GpuApi } from "../detector/args.ts";
import { contentName, objectLabels } from "../names.ts";
import { CHECK_LIMIT_S, checkSpec } from "./check.ts";
import { dcgmValues } from "./dcgm.ts";
import { devicePluginValues } from "./device-plugin.ts";
import { draDriverValues, gpuClaimSpec } from "./dra.ts";
import type { GpuSharing } from "./sharing.ts";

/** Namespace of what runs on every node with a GPU. Its pods mount the host's devices, so that nothing else belongs there. */
const NAMESPACE = "gpu";

/** Arguments of the GpuSupport component. */
export interface GpuSupportArgs {
  charts: ChartSource;
  /** How pods get GPUs. */
  api: GpuApi;
  /** Every way in which nodes share their GPUs. */
  sharings: readonly GpuSharing[];
  /** Whether Prometheus' definitions are there, which the exporter's monitor needs. */
  metrics: boolean;
  /** Image with which it is checked that pods see the GPUs that they ask for; missing to check nothing. */
  checkImage?: pulumi.Input<string> | undefined;
}

/** Lets pods use GPUs: NVIDIA's device plugin or its driver for dynamic resource allocation, figures of each GPU, and a check. */
export class GpuSupport extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;
  /**
   * What reports the GPUs of nodes. What makes nodes must wait for this and not for the component, whose check waits for a node.
   */
  readonly devices: pulumi.Resource;

  constructor(name: string, args: GpuSupportArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:GpuSupport", name, {}, opts);
    const parent = { parent: this };
    const namespace = new k8s.core.v1.Namespace(
      name,
      {
        metadata: {
          name: NAMESPACE,
          labels: { ...objectLabels(name, NAMESPACE), "pod-security.kubernetes.io/enforce": "privileged" },
        },
      },
      parent,
    );
    const chart = { namespace: namespace.metadata.name, source: args.charts };
    // One or the other: both on one node would give the same GPU away twice.
    const devices =
      args.api === "dra"
        ? installChart(`${name}-dra`, "nvidiaDraDriver", { ...chart, values: draDriverValues() }, parent)
        : installChart(
            `${name}-plugin`,
            "nvidiaDevicePlugin",
            { ...chart, values: devicePluginValues(args.sharings) },
            parent,
          );
    if (args.metrics) {
      installChart(
        `${name}-dcgm`,
        "dcgmExporter",
        { ...chart, values: dcgmValues({ dra: args.api === "dra" }) },
        parent,
      );
    }
    if (args.checkImage !== undefined) {
      makeChecks(name, { image: args.checkImage, api: args.api, namespace: namespace.metadata.name }, this, devices);
    }
    this.devices = devices;
    this.namespace = namespace.metadata.name;
    this.registerOutputs({ namespace: this.namespace });
  }
}

/** What the checks run with. */
interface Checks {
  image: pulumi.Input<string>;
  api: GpuApi;
  namespace: pulumi.Input<string>;
}

/** Makes a pod that must see a GPU, and after it, while its node is still there, one on such a node that must see none. */
function makeChecks(
  name: string,
  { image, api, namespace }: Checks,
  parent: pulumi.Resource,
  devices: pulumi.Resource,
) {
  const labels = objectLabels(`${name}-check`, NAMESPACE);
  const spec = gpuClaimSpec(1);
  const claim =
    api === "dra"
      ? new k8s.resource.v1.ResourceClaimTemplate(
          `${name}-check`,
          { metadata: { name: contentName(`${name}-check`, { spec }), namespace, labels }, spec },
          { parent, dependsOn: [devices] },
        )
      : undefined;
  const job = (jobName: string, asks: boolean, after: pulumi.Resource) =>
    new k8s.batch.v1.Job(
      jobName,
      {
        // No name of its own: a Job cannot be changed, so that another image makes another Job.
        metadata: { namespace, labels },
        spec: checkSpec({ asks, image, api, claimTemplateName: claim?.metadata.name }),
      },
      { parent, dependsOn: [after], customTimeouts: { create: `${CHECK_LIMIT_S}s` } },
    );
  job(`${name}-check-none`, false, job(`${name}-check`, true, devices));
}

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type ChartSource, installChart } from "../charts.ts";
import type { GpuApi } from "../detector/args.ts";
import { objectLabels } from "../names.ts";
import { dcgmValues } from "./dcgm.ts";
import { devicePluginValues } from "./device-plugin.ts";
import { draDriverValues } from "./dra.ts";
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
}

/** Lets pods use GPUs: NVIDIA's device plugin or its driver for dynamic resource allocation, and figures of each GPU. */
export class GpuSupport extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;

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
    if (args.api === "dra") {
      installChart(`${name}-dra`, "nvidiaDraDriver", { ...chart, values: draDriverValues() }, parent);
    } else {
      const values = devicePluginValues(args.sharings);
      installChart(`${name}-plugin`, "nvidiaDevicePlugin", { ...chart, values }, parent);
    }
    if (args.metrics) {
      installChart(
        `${name}-dcgm`,
        "dcgmExporter",
        { ...chart, values: dcgmValues({ dra: args.api === "dra" }) },
        parent,
      );
    }
    this.namespace = namespace.metadata.name;
    this.registerOutputs({ namespace: this.namespace });
  }
}

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { installChart } from "../charts.ts";
import { objectLabels, podSecurityLabels } from "../names.ts";
import type { ControllerArgs, KedaSettings } from "./args.ts";
import { claimExternalMetrics } from "./external-metrics.ts";
import { kedaValues } from "./keda-values.ts";

/** Namespace of KEDA. */
export const KEDA_NAMESPACE = "keda";

/** Arguments of the Keda component. */
export interface KedaArgs extends ControllerArgs {
  settings: KedaSettings;
}

/** KEDA: scales Deployments by queries to Prometheus, down to no pod at all, and is the one owner of external metrics. */
export class Keda extends pulumi.ComponentResource {
  /** Namespace that holds it. */
  readonly namespace: pulumi.Output<string>;

  /** Throws a ResourceError when something else provides external metrics on the same cluster. */
  constructor(name: string, args: KedaArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:Keda", name, {}, opts);
    const { charts, ...rest } = args;
    claimExternalMetrics(this, "KEDA");

    const namespace = new k8s.core.v1.Namespace(
      name,
      {
        metadata: {
          name: KEDA_NAMESPACE,
          labels: { ...objectLabels(name, KEDA_NAMESPACE), ...podSecurityLabels() },
        },
      },
      { parent: this },
    );
    // As objects, not as a release: the operator makes its certificates itself when it runs, so that the chart renders alike
    // each time. The definitions are templates of the chart, so that they are upgraded with it (P17).
    installChart(
      name,
      "keda",
      { namespace: namespace.metadata.name, source: charts, values: kedaValues(rest) },
      { parent: this },
    );
    this.namespace = namespace.metadata.name;
    this.registerOutputs({ namespace: this.namespace });
  }
}

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { objectLabels } from "../names.ts";
import { ruleSpec } from "./alerts.ts";
import type { SloSettings, WatchedDetector } from "./args.ts";
import { detectorGroups } from "./detector-rules.ts";
import { scrapePolicy } from "./network-policy.ts";
import { serviceMonitorSpec } from "./service-monitor.ts";

/** Arguments of the DetectorMonitoring component. */
export interface DetectorMonitoringArgs {
  /** The detector as its alerts know it; its namespace must exist. */
  detector: WatchedDetector;
  slo: SloSettings;
  runbookUrl: string;
}

/**
 * Watches one detector: its metrics are read, and people are told when it misses its objectives. It needs the definitions of
 * a Monitoring component on the cluster (`dependsOn: monitoring.definitions`).
 */
export class DetectorMonitoring extends pulumi.ComponentResource {
  constructor(name: string, args: DetectorMonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:DetectorMonitoring", name, {}, opts);
    const { detector, slo, runbookUrl } = args;
    const parent = { parent: this };
    const metadata = (objectName: string) => ({
      name: objectName,
      namespace: detector.namespace,
      labels: objectLabels(name, detector.namespace),
    });

    // Of its own, instead of another peer of the detector: so only Prometheus may call, and not its whole namespace.
    const policy = new k8s.networking.v1.NetworkPolicy(
      name,
      { metadata: metadata(`${detector.name}-metrics`), spec: scrapePolicy(detector) },
      parent,
    );
    new k8s.apiextensions.CustomResource(
      `${name}-monitor`,
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "ServiceMonitor",
        metadata: metadata(detector.name),
        spec: serviceMonitorSpec(detector),
      },
      { parent: this, dependsOn: [policy] },
    );
    new k8s.apiextensions.CustomResource(
      `${name}-rules`,
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: metadata(detector.name),
        spec: ruleSpec(detectorGroups(detector, slo), runbookUrl),
      },
      parent,
    );
    this.registerOutputs({});
  }
}

import * as pulumi from "@pulumi/pulumi";
import type { AwsLocation } from "../aws-location.ts";
import { installChart } from "../charts.ts";
import type { KubernetesMinor } from "../cluster/addon-versions.ts";
import { PodIdentity } from "../pod-identity.ts";
import type { ClusterAutoscalerSettings, ControllerArgs } from "./args.ts";
import { clusterAutoscalerPolicy } from "./cluster-autoscaler-policy.ts";
import { CLUSTER_AUTOSCALER, clusterAutoscalerValues } from "./cluster-autoscaler-values.ts";
import { SYSTEM_NAMESPACE } from "./system-pods.ts";

/** Arguments of the ClusterAutoscaler component. */
export interface ClusterAutoscalerArgs extends ControllerArgs {
  location: AwsLocation;
  kubernetesVersion: KubernetesMinor;
  settings: ClusterAutoscalerSettings;
}

/** Sizes the node groups of a cluster by the pods that wait for room, down to no node at all. */
export class ClusterAutoscaler extends pulumi.ComponentResource {
  /** Role that its pods get. */
  readonly roleArn: pulumi.Output<string>;

  constructor(name: string, args: ClusterAutoscalerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:ClusterAutoscaler", name, {}, opts);
    const { charts, location, ...rest } = args;
    const { region } = location;

    const identity = new PodIdentity(
      name,
      {
        clusterName: args.clusterName,
        namespace: SYSTEM_NAMESPACE,
        serviceAccount: CLUSTER_AUTOSCALER,
        policy: pulumi
          .all([location.accountId, location.partition])
          .apply(([accountId, partition]) =>
            clusterAutoscalerPolicy({ clusterName: args.clusterName, region, accountId, partition }),
          ),
      },
      { parent: this },
    );
    installChart(
      name,
      "clusterAutoscaler",
      {
        namespace: SYSTEM_NAMESPACE,
        source: charts,
        values: clusterAutoscalerValues({ ...rest, release: name, region }),
      },
      // The agent gives a pod its role when the pod starts, and not later.
      { parent: this, dependsOn: identity },
    );
    this.roleArn = identity.roleArn;
    this.registerOutputs({ roleArn: this.roleArn });
  }
}

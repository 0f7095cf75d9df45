import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsLocation } from "../aws-location.ts";
import { installChart } from "../charts.ts";
import type { KubernetesMinor } from "../cluster/addon-versions.ts";
import { podsPerGpu } from "../gpu/sharing.ts";
import { amiRelease } from "../nodes/ami.ts";
import type { GpuGroupSettings } from "../nodes/args.ts";
import type { PrivateSubnet } from "../nodes/node-group.ts";
import { NodeRole } from "../nodes/node-role.ts";
import { PodIdentity } from "../pod-identity.ts";
import type { ControllerArgs, KarpenterSettings } from "./args.ts";
import { InterruptionQueue } from "./interruption-queue.ts";
import { karpenterPolicy } from "./karpenter-policy.ts";
import { KarpenterPool } from "./karpenter-pool.ts";
import { KARPENTER, karpenterValues } from "./karpenter-values.ts";
import { SYSTEM_NAMESPACE } from "./system-pods.ts";

/** A pool of nodes with GPUs. */
export interface KarpenterPoolSettings extends GpuGroupSettings {
  /** Zones that offer every instance type. */
  zones: readonly string[];
}

/** Arguments of the Karpenter component. */
export interface KarpenterArgs extends ControllerArgs {
  location: AwsLocation;
  kubernetesVersion: KubernetesMinor;
  settings: KarpenterSettings;
  /** The cluster's private subnets. */
  subnets: readonly PrivateSubnet[];
  /** Group that lets nodes and the API server reach each other. */
  securityGroupId: pulumi.Input<string>;
  pools: Readonly<Record<string, KarpenterPoolSettings>>;
  /** What reports the GPUs of a node; without it no node with one ever counts as started. */
  devicePlugin: pulumi.Resource;
  /** Tags of instances and disks. */
  tags: Readonly<Record<string, string>>;
}

/** Starts the instances that waiting pods need, and ends them when nothing needs them any more. */
export class Karpenter extends pulumi.ComponentResource {
  /** Role of the controller's pods. */
  readonly roleArn: pulumi.Output<string>;
  /** Role of the nodes. */
  readonly nodeRoleArn: pulumi.Output<string>;
  /** Name of the queue of interruptions. */
  readonly queueName: pulumi.Output<string>;

  /** Throws one ResourceError that lists every pool without an AMI or a subnet. */
  constructor(name: string, args: KarpenterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:Karpenter", name, {}, opts);
    const { charts, location, clusterName, settings, pools, kubernetesVersion } = args;
    const parent = { parent: this };
    const starts = Object.entries(pools).map(([poolName, group]) => ({
      poolName,
      group,
      subnets: args.subnets.filter(({ zone }) => group.zones.includes(zone)),
      release: amiRelease(group.ami, kubernetesVersion, group.releaseVersion),
    }));
    const problems = starts.flatMap(({ poolName, group, subnets, release }) => [
      ...(release === undefined ? [`Expected a release for nodes.gpu.${poolName}.ami but received ${group.ami}`] : []),
      ...(subnets.length === 0
        ? [`Expected a subnet in a zone of nodes.gpu.${poolName} but received [${group.zones.join(", ")}]`]
        : []),
    ]);
    if (problems.length > 0) throw new pulumi.ResourceError(problems.join("\n"), this, true);

    const queue = new InterruptionQueue(name, parent);
    const nodeRole = new NodeRole(`${name}-nodes`, {}, parent);
    // EKS makes the entry of managed groups itself; nobody makes that of instances which Karpenter starts.
    const access = new aws.eks.AccessEntry(
      `${name}-nodes`,
      { clusterName, principalArn: nodeRole.arn, type: "EC2_LINUX" },
      parent,
    );
    const profile = new aws.iam.InstanceProfile(`${name}-nodes`, { role: nodeRole.name }, parent);
    const identity = new PodIdentity(
      name,
      {
        clusterName,
        namespace: SYSTEM_NAMESPACE,
        serviceAccount: KARPENTER,
        policy: pulumi
          .all([location.accountId, location.partition, nodeRole.arn, queue.queueArn])
          .apply(([accountId, partition, nodeRoleArn, queueArn]) =>
            karpenterPolicy({ clusterName, region: location.region, accountId, partition, nodeRoleArn, queueArn }),
          ),
      },
      parent,
    );
    // P17: definitions in a chart of their own, or Helm would never upgrade them.
    const definitions = installChart(
      `${name}-crd`,
      "karpenterCrd",
      { namespace: SYSTEM_NAMESPACE, source: charts, values: {} },
      parent,
    );
    const controller = installChart(
      name,
      "karpenter",
      {
        namespace: SYSTEM_NAMESPACE,
        source: charts,
        skipCrds: true,
        values: karpenterValues({
          ...args,
          queueName: queue.queueName,
          sharesGpus: starts.some(({ group }) => podsPerGpu(group.sharing) > 1),
        }),
      },
      // P11: all that the controller needs to end nodes goes after it.
      { ...parent, dependsOn: [definitions, identity, queue, access, profile] },
    );
    for (const { poolName, group, subnets, release } of starts) {
      new KarpenterPool(
        `${name}-${poolName}`,
        {
          poolName,
          group,
          zones: subnets.map(({ zone }) => zone),
          settings,
          nodes: {
            instanceProfile: profile.name,
            subnetIds: subnets.map(({ id }) => id),
            securityGroupId: args.securityGroupId,
            release: release ?? "",
            tags: args.tags,
          },
        },
        { ...parent, dependsOn: [controller, args.devicePlugin] },
      );
    }
    this.roleArn = identity.roleArn;
    this.nodeRoleArn = nodeRole.arn;
    this.queueName = queue.queueName;
    this.registerOutputs({ roleArn: this.roleArn, nodeRoleArn: this.nodeRoleArn, queueName: this.queueName });
  }
}

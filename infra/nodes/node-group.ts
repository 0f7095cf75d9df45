import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type GpuSharing, sharingLabels } from "../gpu/sharing.ts";
import { refuseProblems } from "../problems.ts";
import { amiRelease } from "./ami.ts";
import type { NodeGroupSettings } from "./args.ts";
import { discoveryTags, nodeTemplateTags } from "./autoscaling-tags.ts";
import { nameProblems, nodeGroupProblems } from "./checks.ts";
import { GPU_TAINT, gpuLabels, POOL_LABEL } from "./labels.ts";
import { launchTemplateArgs } from "./launch-template.ts";
import { userData } from "./user-data.ts";

/** A subnet without a route from the internet, and its zone. */
export interface PrivateSubnet {
  zone: string;
  id: pulumi.Input<string>;
}

/** Arguments of the NodeGroup component. */
export interface NodeGroupArgs extends NodeGroupSettings {
  /** Name of the cluster, known at preview. */
  clusterName: string;
  /** Minor version of Kubernetes, such as "1.35": the nodes' own, which may be behind the cluster's while that is updated. */
  kubernetesVersion: string;
  /** Role of the nodes. */
  nodeRoleArn: pulumi.Input<string>;
  /** The cluster's private subnets. */
  subnets: PrivateSubnet[];
  /** Zones that offer every instance type. Defaults to those of all subnets. */
  zones?: string[] | undefined;
  /** How GPUs are divided between pods; missing for a group without GPUs. */
  sharing?: GpuSharing | undefined;
  /** Whether Cluster Autoscaler changes the number of nodes. */
  clusterAutoscaler: boolean;
  /** Key that encrypts the disks; the account's own for EBS when left out. */
  kmsKeyArn?: pulumi.Input<string> | undefined;
  /** Whether CloudWatch gets figures every minute. Defaults to false. */
  detailedMonitoring?: boolean;
  /** Tags of everything that is made, instances and disks included. Defaults to none. */
  tags?: Record<string, string>;
}

/** A group of nodes that EKS manages, and what Cluster Autoscaler has to know of it. */
export class NodeGroup extends pulumi.ComponentResource {
  readonly nodeGroupName: pulumi.Output<string>;
  /** Name of the Auto Scaling group that EKS made. */
  readonly autoscalingGroupName: pulumi.Output<string>;
  readonly roleArn: pulumi.Output<string>;

  /** Throws one ResourceError that lists every problem when settings do not go together. */
  constructor(name: string, args: NodeGroupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:NodeGroup", name, {}, opts);
    const { kubernetesVersion, sharing, tags = {} } = args;
    const zones = args.zones ?? args.subnets.map(({ zone }) => zone);
    // P23: a type that a zone does not offer makes EKS refuse the whole group.
    const subnets = args.subnets.filter(({ zone }) => zones.includes(zone));
    const problems = [...nameProblems(["name"], name), ...nodeGroupProblems(args, kubernetesVersion)];
    if (subnets.length === 0) {
      const received = args.subnets.map(({ zone }) => zone);
      const expected = `subnets in a zone that offers ${args.instanceTypes.join(" and ")} (${zones.join(", ") || "none does"})`;
      problems.push({ path: ["subnets"], expected, received });
    }
    refuseProblems(problems, this);

    const parent = { parent: this };
    const labels = {
      ...args.labels,
      [POOL_LABEL]: name,
      ...(sharing !== undefined && { ...gpuLabels(args.instanceTypes, args.ami), ...sharingLabels(sharing) }),
    };
    const launchTemplate = new aws.ec2.LaunchTemplate(
      name,
      {
        ...launchTemplateArgs({
          ami: args.ami,
          diskGib: args.diskGib,
          kmsKeyArn: args.kmsKeyArn,
          detailedMonitoring: args.detailedMonitoring ?? false,
          userData: userData(args),
          tags: { ...tags, Name: `${args.clusterName}-${name}` },
        }),
        tags,
      },
      parent,
    );
    const releaseVersion = amiRelease(args.ami, kubernetesVersion, args.releaseVersion);
    const nodeGroup = new aws.eks.NodeGroup(
      name,
      {
        // No name of its own: Pulumi makes one, and so a change that replaces the group makes the new one first. The old
        // group of a fixed name would be deleted before that.
        clusterName: args.clusterName,
        nodeRoleArn: args.nodeRoleArn,
        subnetIds: subnets.map(({ id }) => id),
        // P1: always named, or EKS takes its default image, which has no driver.
        amiType: args.ami,
        version: kubernetesVersion,
        ...(releaseVersion !== undefined && { releaseVersion }),
        instanceTypes: args.instanceTypes,
        capacityType: args.capacity === "spot" ? "SPOT" : "ON_DEMAND",
        launchTemplate: { id: launchTemplate.id, version: pulumi.interpolate`${launchTemplate.latestVersion}` },
        // All three always: what is missing is filled in as 1, 2, 2, and would start GPU nodes that nobody asked for.
        scalingConfig: { minSize: args.min, maxSize: args.max, desiredSize: args.desired ?? args.min },
        // P22: slow on purpose; disruption budgets of the pods always let one go.
        updateConfig: { maxUnavailable: args.maxUnavailable },
        // Replaces nodes that the monitoring agent finds broken, GPU errors included.
        nodeRepairConfig: { enabled: true },
        labels,
        ...(sharing !== undefined && { taints: [GPU_TAINT] }),
        tags,
      },
      {
        ...parent,
        // The autoscaler owns the number of nodes, unless the configuration names one.
        ...(args.clusterAutoscaler && args.desired === undefined && { ignoreChanges: ["scalingConfig.desiredSize"] }),
      },
    );
    this.autoscalingGroupName = nodeGroup.resources.apply((resources) => {
      const group = resources.flatMap(({ autoscalingGroups }) => autoscalingGroups ?? [])[0]?.name;
      if (group === undefined)
        throw new pulumi.RunError(`Expected an Auto Scaling group for ${name} but received none`);
      return group;
    });
    if (args.clusterAutoscaler) {
      const gpu = sharing === undefined ? undefined : { instanceTypes: args.instanceTypes, sharing };
      // P4: tags of a node group do not reach its Auto Scaling group, the only place where the autoscaler looks.
      const groupTags = {
        ...discoveryTags(args.clusterName),
        ...nodeTemplateTags({ labels, diskGib: args.diskGib, gpu }),
      };
      for (const [key, value] of Object.entries(groupTags)) {
        new aws.autoscaling.Tag(
          `${name}-${key.replace("k8s.io/cluster-autoscaler/", "")}`,
          { autoscalingGroupName: this.autoscalingGroupName, tag: { key, value, propagateAtLaunch: false } },
          parent,
        );
      }
    }
    this.nodeGroupName = nodeGroup.nodeGroupName;
    this.roleArn = nodeGroup.nodeRoleArn;
    this.registerOutputs({
      nodeGroupName: this.nodeGroupName,
      autoscalingGroupName: this.autoscalingGroupName,
      roleArn: this.roleArn,
    });
  }
}

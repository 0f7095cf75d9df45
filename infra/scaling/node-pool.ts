import type * as pulumi from "@pulumi/pulumi";
import { podsPerGpu, sharingLabels } from "../gpu/sharing.ts";
import { AMI_TYPES, type AmiType } from "../nodes/ami.ts";
import type { GpuGroupSettings } from "../nodes/args.ts";
import { gpusPerNode } from "../nodes/autoscaling-tags.ts";
import type { Architecture } from "../nodes/instance-types.ts";
import { GPU_NODE_TAINT, GPU_RESOURCE, gpuLabels, POOL_LABEL } from "../nodes/labels.ts";
import { userData } from "../nodes/user-data.ts";
import type { KarpenterSettings } from "./args.ts";

/** How Kubernetes calls an instruction set. */
const ARCHITECTURES: Record<Architecture, string> = { x86_64: "amd64", arm64: "arm64" };

/** How Karpenter calls what is paid for. */
const CAPACITY_TYPES: Record<GpuGroupSettings["capacity"], string> = { spot: "spot", onDemand: "on-demand" };

const CONSOLIDATION_POLICIES: Record<KarpenterSettings["consolidation"]["when"], string> = {
  empty: "WhenEmpty",
  emptyOrUnderutilized: "WhenEmptyOrUnderutilized",
};

/** Size of Bottlerocket's disk for the system, which Karpenter wants to know; it is Karpenter's own default. */
const BOTTLEROCKET_SYSTEM_DISK = "4Gi";

/** What EC2NodeClasses have in common. */
export interface NodeClassContext {
  /** Instance profile that gives nodes their role. */
  instanceProfile: pulumi.Input<string>;
  /** Subnets that nodes may be in. */
  subnetIds: readonly pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** Release of the AMI, as EKS writes it. */
  release: string;
  /** Tags of instances and disks: default tags of the provider do not reach what Karpenter makes. */
  tags: Readonly<Record<string, string>>;
}

/**
 * How Karpenter names a release of an AMI: Amazon Linux by its date, Bottlerocket by its version. It finds the variant with
 * NVIDIA's driver by itself. Source: https://karpenter.sh/v1.14/concepts/nodeclasses/#specamiselectorterms
 */
export function amiAlias(ami: AmiType, release: string): string {
  const [version = "", suffix = ""] = release.split("-");
  const { system } = AMI_TYPES[ami];
  return system === "al2023" ? `al2023@v${suffix}` : `bottlerocket@v${version}`;
}

/** How Karpenter starts an instance. Source: https://karpenter.sh/v1.14/concepts/nodeclasses/ */
export function nodeClassSpec(group: GpuGroupSettings, context: NodeClassContext) {
  const { ami, diskGib } = group;
  const told = userData(group);
  const disk = (deviceName: string, volumeSize: string) => ({
    deviceName,
    ebs: { volumeSize, volumeType: "gp3", encrypted: true, deleteOnTermination: true },
  });
  return {
    // P10: one release, never the newest, or each release of AWS would replace all nodes.
    amiSelectorTerms: [{ alias: amiAlias(ami, context.release) }],
    instanceProfile: context.instanceProfile,
    subnetSelectorTerms: context.subnetIds.map((id) => ({ id })),
    securityGroupSelectorTerms: [{ id: context.securityGroupId }],
    associatePublicIPAddress: false,
    // One hop: pods, which are one further away, cannot take the node's role.
    metadataOptions: {
      httpEndpoint: "enabled",
      httpProtocolIPv6: "disabled",
      httpPutResponseHopLimit: 1,
      httpTokens: "required",
    },
    blockDeviceMappings:
      AMI_TYPES[ami].system === "bottlerocket"
        ? [disk("/dev/xvda", BOTTLEROCKET_SYSTEM_DISK), disk("/dev/xvdb", `${diskGib}Gi`)]
        : [disk("/dev/xvda", `${diskGib}Gi`)],
    ...(told !== undefined && { userData: told }),
    tags: { ...context.tags },
  };
}

/** Which nodes Karpenter starts, how many, and when they go. Source: https://karpenter.sh/v1.14/concepts/nodepools/ */
export function nodePoolSpec(
  name: string,
  group: GpuGroupSettings,
  zones: readonly string[],
  { consolidation, expireHours, terminationGraceMinutes, maxUnavailable }: KarpenterSettings,
) {
  const requirement = (key: string, values: readonly string[]) => ({ key, operator: "In", values: [...values] });
  return {
    template: {
      metadata: {
        labels: {
          ...group.labels,
          [POOL_LABEL]: name,
          ...gpuLabels(group.instanceTypes, group.ami),
          ...sharingLabels(group.sharing),
        },
      },
      spec: {
        nodeClassRef: { group: "karpenter.k8s.aws", kind: "EC2NodeClass", name },
        taints: [{ ...GPU_NODE_TAINT }],
        requirements: [
          requirement("node.kubernetes.io/instance-type", group.instanceTypes),
          requirement("karpenter.sh/capacity-type", [CAPACITY_TYPES[group.capacity]]),
          // P23: only zones that offer the types.
          requirement("topology.kubernetes.io/zone", zones),
          requirement("kubernetes.io/arch", [ARCHITECTURES[AMI_TYPES[group.ami].architecture]]),
          requirement("kubernetes.io/os", ["linux"]),
        ],
        expireAfter: `${expireHours}h`,
        // P11, P22: a pod that cannot be evicted does not keep a node for ever.
        terminationGracePeriod: `${terminationGraceMinutes}m`,
      },
    },
    disruption: {
      consolidationPolicy: CONSOLIDATION_POLICIES[consolidation.when],
      consolidateAfter: `${consolidation.afterMinutes}m`,
      budgets: [{ nodes: String(maxUnavailable) }],
    },
    limits: { nodes: String(group.max), [GPU_RESOURCE]: String(group.max * sharesPerNode(group)) },
  };
}

/**
 * What Karpenter must be told of nodes whose GPUs are shared; undefined where each pod has whole ones. P6: it knows the GPUs of
 * an instance type, not into how many shares the device plugin divides them, and would start a node for each share.
 * Source: https://karpenter.sh/v1.14/concepts/nodeoverlays/
 */
export function nodeOverlaySpec(name: string, group: GpuGroupSettings) {
  if (podsPerGpu(group.sharing) === 1) return undefined;
  return {
    requirements: [{ key: "karpenter.sh/nodepool", operator: "In", values: [name] }],
    capacity: { [GPU_RESOURCE]: String(sharesPerNode(group)) },
  };
}

/** GPUs that one node offers to pods, shares counted as such. */
function sharesPerNode({ instanceTypes, sharing }: GpuGroupSettings): number {
  return gpusPerNode(instanceTypes) * podsPerGpu(sharing);
}

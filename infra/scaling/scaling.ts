import * as pulumi from "@pulumi/pulumi";
import type { AwsLocation } from "../aws-location.ts";
import type { KubernetesMinor } from "../cluster/addon-versions.ts";
import type { GpuApi } from "../detector/args.ts";
import type { NodesSettings } from "../nodes/args.ts";
import { refuseProblems } from "../problems.ts";
import type { ControllerArgs, ScalingSettings } from "./args.ts";
import { scalingProblems } from "./checks.ts";
import { ClusterAutoscaler } from "./cluster-autoscaler.ts";
import { Karpenter, type KarpenterArgs } from "./karpenter.ts";
import { Keda } from "./keda.ts";

/** Arguments of the Scaling component. */
export interface ScalingArgs extends ControllerArgs, Pick<KarpenterArgs, "subnets" | "securityGroupId" | "tags"> {
  location: AwsLocation;
  kubernetesVersion: KubernetesMinor;
  settings: ScalingSettings;
  nodes: NodesSettings;
  /** How pods get GPUs. */
  gpuApi: GpuApi;
  /** Zones that offer every instance type of a GPU group, by its name; those of all subnets where a group is missing. */
  zones: Readonly<Record<string, readonly string[]>>;
  /** What reports the GPUs of a node. */
  devicePlugin: pulumi.Resource;
}

/** Everything that adds and removes nodes, and pods by metrics: the chosen autoscaler of nodes, and KEDA. */
export class Scaling extends pulumi.ComponentResource {
  /** KEDA, on whose definitions every ScaledObject depends; undefined where it is off. */
  readonly keda: Keda | undefined;

  /** Throws one ResourceError that lists every problem when settings do not go together. */
  constructor(name: string, args: ScalingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:Scaling", name, {}, opts);
    const { settings, nodes } = args;
    const problems = scalingProblems(settings, nodes, args.gpuApi);
    refuseProblems(problems, this);

    createNodeAutoscaler(args, this);
    const { enabled, ...keda } = settings.keda;
    this.keda = enabled ? new Keda("keda", { ...args, settings: keda }, { parent: this }) : undefined;
    this.registerOutputs({});
  }
}

function createNodeAutoscaler(args: ScalingArgs, parent: Scaling): ClusterAutoscaler | Karpenter {
  const { settings, nodes, subnets, zones } = args;
  switch (nodes.autoscaler) {
    case "clusterAutoscaler":
      return new ClusterAutoscaler("cluster-autoscaler", { ...args, settings: settings.clusterAutoscaler }, { parent });
    case "karpenter": {
      const pools = Object.entries(nodes.gpu).map(([pool, group]) => [
        pool,
        { ...group, zones: zones[pool] ?? subnets.map(({ zone }) => zone) },
      ]);
      return new Karpenter(
        "karpenter",
        { ...args, settings: settings.karpenter, pools: Object.fromEntries(pools) },
        { parent },
      );
    }
    default: {
      const unreachable: never = nodes.autoscaler;
      return unreachable;
    }
  }
}

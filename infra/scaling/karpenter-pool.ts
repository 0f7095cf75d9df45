import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { GpuGroupSettings } from "../nodes/args.ts";
import type { KarpenterSettings } from "./args.ts";
import { type NodeClassContext, nodeClassSpec, nodeOverlaySpec, nodePoolSpec } from "./node-pool.ts";

/** How long deleting may take: every node of the pool is drained and ended before it is over. */
const DELETE_TIMEOUT = "30m";

/** P11: the pool goes after its nodes, while their controller still runs, and not before them. */
const NODES_FIRST = { "pulumi.com/deletionPropagationPolicy": "foreground" };

/** Arguments of the KarpenterPool component. */
export interface KarpenterPoolArgs {
  /** Name of the group's entry in the configuration, and of the objects. */
  poolName: string;
  group: GpuGroupSettings;
  /** Zones that offer every instance type of the group and have a subnet. */
  zones: readonly string[];
  nodes: NodeClassContext;
  settings: KarpenterSettings;
}

/** Nodes with GPUs that Karpenter starts and ends: a NodePool with an EC2NodeClass of its own. */
export class KarpenterPool extends pulumi.ComponentResource {
  /** Name of the NodePool. */
  readonly nodePool: pulumi.Output<string>;

  /** What the pool needs, the controller and the device plugin, is given as `dependsOn`: each of its objects waits for it. */
  constructor(
    name: string,
    args: KarpenterPoolArgs,
    opts: pulumi.ComponentResourceOptions & { dependsOn: pulumi.Input<pulumi.Resource>[] },
  ) {
    super("yolo:infra:KarpenterPool", name, {}, opts);
    const { poolName, group, zones, nodes, settings } = args;
    const { dependsOn } = opts;
    const nodeClass = new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: "karpenter.k8s.aws/v1",
        kind: "EC2NodeClass",
        metadata: { name: poolName },
        spec: nodeClassSpec(group, nodes),
      },
      { parent: this, dependsOn, customTimeouts: { delete: DELETE_TIMEOUT } },
    );
    const overlaySpec = nodeOverlaySpec(poolName, group);
    const overlays =
      overlaySpec === undefined
        ? []
        : [
            new k8s.apiextensions.CustomResource(
              name,
              {
                apiVersion: "karpenter.sh/v1alpha1",
                kind: "NodeOverlay",
                metadata: { name: poolName },
                spec: overlaySpec,
              },
              { parent: this, dependsOn },
            ),
          ];
    const nodePool = new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: "karpenter.sh/v1",
        kind: "NodePool",
        metadata: { name: poolName, annotations: NODES_FIRST },
        spec: nodePoolSpec(poolName, group, zones, settings),
      },
      // P11, P29: after the controller, the device plugin and the class; so it goes before them.
      {
        parent: this,
        dependsOn: [...dependsOn, nodeClass, ...overlays],
        customTimeouts: { delete: DELETE_TIMEOUT },
      },
    );
    this.nodePool = nodePool.metadata.name;
    this.registerOutputs({ nodePool: this.nodePool });
  }
}

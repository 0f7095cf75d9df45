import type { Autoscaling, GpuApi } from "../detector/args.ts";
import type { GpuGroupSettings, NodesSettings } from "../nodes/args.ts";
import { type Problem, problem } from "../problems.ts";
import type { ScalingSettings } from "./args.ts";

/** What does not go together about scaling, nodes and how pods get GPUs; paths are those of a stack's configuration. */
export function scalingProblems(settings: ScalingSettings, nodes: NodesSettings, gpuApi: GpuApi): Problem[] {
  switch (nodes.autoscaler) {
    case "clusterAutoscaler":
      return gpuApi === "dra" ? Object.entries(nodes.gpu).flatMap(([name, { min }]) => claimProblems(name, min)) : [];
    case "karpenter":
      return [
        ...(gpuApi === "dra" ? [KARPENTER_IGNORES_CLAIMS] : []),
        ...replicaProblems(settings, nodes.system.min),
        ...Object.entries(nodes.gpu).flatMap(([name, group]) => poolProblems(name, group)),
      ];
    default: {
      const unreachable: never = nodes.autoscaler;
      return unreachable;
    }
  }
}

/** What does not go together about how pods are scaled, and whether there is something to do it; paths as above. */
export function podScalerProblems({ keda }: ScalingSettings, autoscaling: Autoscaling): Problem[] {
  if (keda.enabled || autoscaling.keda === undefined) return [];
  return [
    problem(["scaling", "keda", "enabled"], "true with detector.autoscaling.keda, which KEDA carries out,", false),
  ];
}

/** Source: https://karpenter.sh/v1.14/reference/settings/ (IGNORE_DRA_REQUESTS) */
const KARPENTER_IGNORES_CLAIMS: Problem = {
  path: ["nodes", "autoscaler"],
  expected: "clusterAutoscaler where pods claim GPUs (dra), because Karpenter does not look at claims yet,",
  received: "karpenter",
};

/**
 * P4 once more: tags tell the autoscaler which counted resources a group without nodes would have, but not which devices to
 * claim; it learns them from a node. Source: https://github.com/kubernetes/autoscaler/issues/10277
 */
function claimProblems(name: string, min: number): Problem[] {
  if (min > 0) return [];
  const expected = "at least 1 where pods claim GPUs (dra): the autoscaler knows no devices of a group without a node,";
  return [{ path: ["nodes", "gpu", name, "min"], expected, received: min }];
}

function replicaProblems({ karpenter: { replicas } }: ScalingSettings, systemNodes: number): Problem[] {
  if (replicas <= systemNodes) return [];
  const expected = `at most nodes.system.min (${systemNodes}), because each pod of Karpenter wants a node of its own,`;
  return [{ path: ["scaling", "karpenter", "replicas"], expected, received: replicas }];
}

/** What Karpenter cannot do for a group: it starts nodes for pods that wait, and for nothing else. */
function poolProblems(name: string, { min, desired }: GpuGroupSettings): Problem[] {
  const path = ["nodes", "gpu", name];
  return [
    ...(min === 0
      ? []
      : [{ path: [...path, "min"], expected: "0, because Karpenter starts nodes for pods only,", received: min }]),
    ...(desired === undefined
      ? []
      : [{ path: [...path, "desired"], expected: "none with Karpenter, which owns the number,", received: desired }]),
  ];
}

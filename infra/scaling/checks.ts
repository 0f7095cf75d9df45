import type { Problem } from "../detector/checks.ts";
import type { GpuGroupSettings, NodesSettings } from "../nodes/args.ts";
import type { ScalingSettings } from "./args.ts";

/** What does not go together about scaling and nodes; paths are those of a stack's configuration. */
export function scalingProblems(settings: ScalingSettings, nodes: NodesSettings): Problem[] {
  switch (nodes.autoscaler) {
    case "clusterAutoscaler":
      return [];
    case "karpenter":
      return [
        ...replicaProblems(settings, nodes.system.min),
        ...Object.entries(nodes.gpu).flatMap(([name, group]) => poolProblems(name, group)),
      ];
    default: {
      const unreachable: never = nodes.autoscaler;
      return unreachable;
    }
  }
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

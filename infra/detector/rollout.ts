import type * as k8s from "@pulumi/kubernetes";
import type { Rollout } from "./args.ts";

/** How a Deployment replaces its pods. */
export function deploymentStrategy(rollout: Rollout): k8s.types.input.apps.v1.DeploymentStrategy {
  switch (rollout.mode) {
    case "availability":
      return { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: rollout.maxSurge } };
    case "resourceAware":
      return { type: "RollingUpdate", rollingUpdate: { maxUnavailable: rollout.maxUnavailable, maxSurge: 0 } };
    default: {
      const unreachable: never = rollout;
      return unreachable;
    }
  }
}

import type * as k8s from "@pulumi/kubernetes";
import type { Autoscaling } from "./args.ts";

/** Seconds of quiet before pods are removed. */
const SCALE_DOWN_WINDOW_SECONDS = 300;

/** Grows at once, by doubling or by two pods each 15 s; shrinks by one pod a minute after five quiet minutes. */
export const SCALING_BEHAVIOR: k8s.types.input.autoscaling.v2.HorizontalPodAutoscalerBehavior = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Percent", value: 100, periodSeconds: 15 },
      { type: "Pods", value: 2, periodSeconds: 15 },
    ],
  },
  scaleDown: {
    stabilizationWindowSeconds: SCALE_DOWN_WINDOW_SECONDS,
    selectPolicy: "Max",
    policies: [{ type: "Pods", value: 1, periodSeconds: 60 }],
  },
};

/** Lets KEDA take over: its webhook refuses a ScaledObject beside this autoscaler, which Pulumi deletes only afterwards. */
export const HANDOVER = { "validations.keda.sh/hpa-ownership": "false" };

/** Keeps the number of pods by what they use of what they request. */
export function autoscalerSpec(
  deployment: k8s.types.input.autoscaling.v2.CrossVersionObjectReference,
  replicas: { min: number; max: number },
  target: Autoscaling,
): k8s.types.input.autoscaling.v2.HorizontalPodAutoscalerSpec {
  return {
    scaleTargetRef: deployment,
    minReplicas: replicas.min,
    maxReplicas: replicas.max,
    metrics: [utilization("cpu", target.cpuPercent), utilization("memory", target.memoryPercent)],
    behavior: SCALING_BEHAVIOR,
  };
}

function utilization(name: string, averageUtilization: number): k8s.types.input.autoscaling.v2.MetricSpec {
  return { type: "Resource", resource: { name, target: { type: "Utilization", averageUtilization } } };
}

import type { RuleGroup } from "./alerts.ts";
import type { MonitoringPlan } from "./args.ts";
import { clusterAlerts } from "./cluster-rules.ts";
import { costRecordings } from "./cost-rules.ts";
import { gpuAlerts } from "./gpu-rules.ts";

/** Rules about what every detector runs on. */
export function platformGroups({ gpus, prices }: Pick<MonitoringPlan, "gpus" | "prices">): RuleGroup[] {
  return [
    { name: "cluster", alerts: clusterAlerts() },
    ...(gpus ? [{ name: "gpu", alerts: gpuAlerts() }] : []),
    ...(prices !== undefined ? [{ name: "cost", recordings: costRecordings(prices) }] : []),
  ];
}

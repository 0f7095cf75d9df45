import { capacityDashboard } from "./capacity.ts";
import { gpuDashboard } from "./gpu.ts";
import { type DashboardJson, type DashboardPlan, dashboardJson } from "./panel.ts";
import { serviceDashboard } from "./service.ts";

/** What a stack has, on which its dashboards depend. */
export interface DashboardScope {
  gpus: boolean;
  /** Whether prices of the region are known. */
  prices: boolean;
}

/** The dashboards of a stack, by file name. */
export function dashboardPlans({ gpus, prices }: DashboardScope): { file: string; plan: DashboardPlan }[] {
  return [
    { file: "service", plan: serviceDashboard() },
    ...(gpus ? [{ file: "gpu", plan: gpuDashboard() }] : []),
    { file: "capacity", plan: capacityDashboard({ gpus, prices }) },
  ];
}

/** The dashboards of a stack as Grafana's JSON. */
export function dashboards(scope: DashboardScope): { file: string; content: DashboardJson }[] {
  return dashboardPlans(scope).map(({ file, plan }) => ({ file, content: dashboardJson(plan) }));
}

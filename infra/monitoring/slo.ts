import type { Severity, SloSettings } from "./args.ts";
import type { Range } from "./promql.ts";

/** Days over which an objective is kept. */
export const SLO_PERIOD_DAYS = 30;

/** Windows of the budget alerts in hours. */
export const WINDOW_HOURS = { "5m": 1 / 12, "30m": 1 / 2, "1h": 1, "6h": 6, "3d": 72 } as const satisfies Partial<
  Record<Range, number>
>;

/** A window of a budget alert. */
export type Window = keyof typeof WINDOW_HOURS;

/** When an alert fires: a share of the period's budget was spent in the long window, and the short one shows that it goes on. */
export interface BurnWindow {
  severity: Severity;
  budgetPercent: number;
  long: Window;
  short: Window;
}

/**
 * Multi-window, multi-burn-rate alerts. Source: The Site Reliability Workbook, table 5-8,
 * https://sre.google/workbook/alerting-on-slos/#recommended_parameters_for_an_slo_based_a
 */
export const BURN_WINDOWS: readonly BurnWindow[] = [
  { severity: "critical", budgetPercent: 2, long: "1h", short: "5m" },
  { severity: "critical", budgetPercent: 5, long: "6h", short: "30m" },
  { severity: "warning", budgetPercent: 10, long: "3d", short: "6h" },
];

/** Objectives, each with the share of requests that may miss it. */
export const OBJECTIVES = ["availability", "latency"] as const;

/** Name of an objective. */
export type Objective = (typeof OBJECTIVES)[number];

/** Share of requests that may miss an objective, from 0 to 1. */
export function errorBudget(objective: Objective, slo: SloSettings): number {
  const percent = objective === "availability" ? slo.availabilityPercent : slo.latency.percent;
  return round((100 - percent) / 100);
}

/** How many times faster than allowed the budget is spent when a window's share of it goes in its long window. */
export function burnRate({ budgetPercent, long }: BurnWindow): number {
  return round(((budgetPercent / 100) * SLO_PERIOD_DAYS * 24) / WINDOW_HOURS[long]);
}

/** Share of requests that miss the objective at which an alert fires, from 0 to 1; beyond 1 it never can. */
export function errorThreshold(window: BurnWindow, budget: number): number {
  return round(burnRate(window) * budget);
}

/** Whether an alert fires with these shares of missed requests in its two windows. */
export function fires(window: BurnWindow, budget: number, missed: { long: number; short: number }): boolean {
  const threshold = errorThreshold(window, budget);
  return missed.long > threshold && missed.short > threshold;
}

/** Hours from the begin of an incident after which an alert fires; undefined when it never does. */
export function hoursToAlert(window: BurnWindow, budget: number, missed: number): number | undefined {
  const threshold = errorThreshold(window, budget);
  return missed <= threshold ? undefined : round((WINDOW_HOURS[window.long] * threshold) / missed);
}

/** Days until nothing is left of a whole budget at a burn rate. */
export function daysToExhaustion(rate: number): number {
  return round(SLO_PERIOD_DAYS / rate);
}

/** The smallest percentage that an objective may have so that every alert can fire; rounded up to hundredths. */
export const LOWEST_OBJECTIVE_PERCENT =
  Math.ceil((1 - 1 / Math.max(...BURN_WINDOWS.map(burnRate))) * 10_000 + 1e-9) / 100;

/** Without the noise of binary fractions, so that a rule's text is the same everywhere. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

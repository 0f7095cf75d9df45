import { METRICS, PATHS } from "../../service/contract.ts";
import type { Alert, Recording, RuleGroup } from "./alerts.ts";
import type { SloSettings } from "./args.ts";
import { aggregate, type Matcher, type Matchers, rate, series } from "./promql.ts";
import {
  BURN_WINDOWS,
  type BurnWindow,
  burnRate,
  daysToExhaustion,
  errorBudget,
  errorThreshold,
  OBJECTIVES,
  type Objective,
  WINDOW_HOURS,
  type Window,
} from "./slo.ts";

/** Routes that callers want answered; probes, pages and metadata say nothing about that, and a stream has no end to time. */
export const SERVED_ROUTES = `${PATHS.predict}|${PATHS.inferenceProtocol}/.+/infer`;

/** Series of the objectives, for each window. */
export const SLO_SERIES = {
  requests: (window: Window) => `yolo:requests:rate${window}` as const,
  availability: (window: Window) => `yolo:requests_failed:ratio_rate${window}` as const,
  latency: (window: Window) => `yolo:requests_slow:ratio_rate${window}` as const,
};

const BY = ["namespace", "job"] as const;
const SECONDS_PER_HOUR = 3_600;

const MISSED: Readonly<Record<Objective, { alert: Alert["name"]; what: string }>> = {
  availability: { alert: "YoloAvailabilityBudgetBurn", what: "answered with 5xx" },
  latency: { alert: "YoloLatencyBudgetBurn", what: "answered too late" },
};

/** Rules for the objectives of the detector whose series match. */
export function sloGroups(detector: Matchers, slo: SloSettings): RuleGroup[] {
  const windows = Object.keys(WINDOW_HOURS) as Window[];
  return [
    { name: "slo-recordings", recordings: windows.flatMap((window) => windowRecordings(detector, slo, window)) },
    {
      name: "slo-alerts",
      alerts: OBJECTIVES.flatMap((objective) =>
        BURN_WINDOWS.map((window) => burnAlert(objective, window, detector, slo)),
      ),
    },
  ];
}

function windowRecordings(detector: Matchers, { latency }: SloSettings, window: Window): Recording[] {
  const served = { ...detector, route: { matches: SERVED_ROUTES } };
  const sum = (expression: string) => aggregate("sum", BY, expression);
  const all = sum(rate(METRICS.requests, served, window));
  const failed = sum(rate(METRICS.requests, { ...served, code: { matches: "5.." } }, window));
  const timed = sum(rate(`${METRICS.requestDuration}_count`, served, window));
  const inTime = sum(
    rate(`${METRICS.requestDuration}_bucket`, { ...served, le: bucketBound(latency.thresholdMs / 1000) }, window),
  );
  return [
    { name: SLO_SERIES.requests(window), expression: all },
    // Without the second part nothing would be known while nothing has failed yet.
    { name: SLO_SERIES.availability(window), expression: `(${failed} or 0 * ${all}) / ${all}` },
    { name: SLO_SERIES.latency(window), expression: `1 - ${inTime} / ${timed}` },
  ];
}

/**
 * A bucket's bound: the service writes 1, which Prometheus keeps as 1.0 from its version 3 on.
 * Source: https://prometheus.io/docs/prometheus/3.0/migration/#le-and-quantile-label-values
 */
function bucketBound(seconds: number): Matcher {
  return Number.isInteger(seconds) ? { matches: `${seconds}(\\.0)?` } : String(seconds);
}

function burnAlert(objective: Objective, window: BurnWindow, detector: Matchers, slo: SloSettings): Alert {
  const threshold = errorThreshold(window, errorBudget(objective, slo));
  const requests = series(SLO_SERIES.requests(window.long), detector);
  const above = (range: Window) => `${series(SLO_SERIES[objective](range), detector)} > ${threshold}`;
  const rateOfBurn = burnRate(window);
  const { alert, what } = MISSED[objective];
  return {
    name: alert,
    severity: window.severity,
    expression: [
      above(window.long),
      above(window.short),
      `${requests} * ${WINDOW_HOURS[window.long] * SECONDS_PER_HOUR} >= ${slo.minRequests}`,
    ].join(" and "),
    // The short window is what keeps an incident that is over from alerting; a wait on top would only be late.
    minutes: 0,
    summary: `The ${objective} budget is spent ${rateOfBurn} times too fast`,
    description:
      `{{ $value | humanizePercentage }} of the requests of {{ $labels.job }} in {{ $labels.namespace }} were ${what} ` +
      `in the last ${window.long}. At ${rateOfBurn} times the allowed rate the budget of 30 days lasts ` +
      `${daysToExhaustion(rateOfBurn)} days.`,
    labels: { objective, window: window.long },
  };
}

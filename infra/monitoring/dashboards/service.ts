import { METRICS } from "../../../service/contract.ts";
import { KUBE, PROCESS } from "../metrics.ts";
import { aggregate, increase, type Matchers, mean, quantile, rate, series } from "../promql.ts";
import { SERVED_ROUTES, SLO_SERIES } from "../slo-rules.ts";
import type { DashboardPlan, Panel, Query, Section } from "./panel.ts";

const OWN: Matchers = { namespace: { matches: "$namespace" }, job: { matches: "$job" } };
const SERVED: Matchers = { ...OWN, route: { matches: SERVED_ROUTES } };
const RANGE = "$__rate_interval";
const SHARES = [0.5, 0.9, 0.99] as const;

/** What callers see of the service, and what it does with its time: rate, errors, duration, queue, batches, detections. */
export function serviceDashboard(): DashboardPlan {
  return {
    uid: "yolo-service",
    title: "YOLO / Service",
    description: "What callers see of the detection service, and what it does with its time.",
    variables: [
      { name: "namespace", query: `label_values(${METRICS.modelInfo}, namespace)`, several: true },
      { name: "job", query: `label_values(${METRICS.modelInfo}{namespace=~"$namespace"}, job)`, several: true },
    ],
    sections: [objectives(), requests(), queue(), stages(), found(), pods()],
  };
}

function objectives(): Section {
  const stat = (title: string, description: string, expression: string, unit: Panel["unit"]): Panel => ({
    title,
    description,
    kind: "stat",
    unit,
    width: 6,
    queries: [{ expression, legend: "{{namespace}} {{job}}" }],
  });
  return {
    title: "Objectives",
    panels: [
      stat(
        "Failed, 3 days",
        "Share of requests answered with 5xx. Alerts are about how fast the budget of 30 days goes.",
        series(SLO_SERIES.availability("3d"), OWN),
        "percentunit",
      ),
      stat(
        "Too late, 3 days",
        "Share of requests answered later than the objective says.",
        series(SLO_SERIES.latency("3d"), OWN),
        "percentunit",
      ),
      stat("Requests", "Requests for detections in a second.", series(SLO_SERIES.requests("5m"), OWN), "reqps"),
      stat(
        "Ready pods",
        "Pods that take requests.",
        aggregate(
          "sum",
          ["namespace", "deployment"],
          series(KUBE.deploymentReady, { namespace: { matches: "$namespace" }, deployment: { matches: "$job" } }),
        ),
        "short",
      ),
    ],
  };
}

function requests(): Section {
  const all = aggregate("sum", [], rate(METRICS.requests, SERVED, RANGE));
  return {
    title: "Requests",
    panels: [
      line(
        "Requests by answer",
        "Answers in a second, by status code.",
        "reqps",
        8,
        [{ expression: aggregate("sum", ["code"], rate(METRICS.requests, SERVED, RANGE)), legend: "{{code}}" }],
        { stacked: true },
      ),
      line(
        "Share of failures",
        "429: a caller is over its rate limit. 503: the queue is full, or a request waited too long.",
        "percentunit",
        8,
        [
          {
            expression: `${aggregate("sum", ["code"], rate(METRICS.requests, { ...SERVED, code: { matches: "5..|429" } }, RANGE))} / on () group_left () ${all}`,
            legend: "{{code}}",
          },
        ],
      ),
      line(
        "Duration",
        "Seconds from a request's arrival to its answer.",
        "s",
        8,
        percentiles(METRICS.requestDuration, SERVED),
      ),
      line("Duration by route", "99 of 100 requests are answered faster.", "s", 8, [
        {
          expression: quantile(0.99, METRICS.requestDuration, { matchers: OWN, range: RANGE, by: ["route"] }),
          legend: "{{route}}",
        },
      ]),
      line(
        "In flight",
        "Requests that are being worked on.",
        "short",
        8,
        [{ expression: aggregate("sum", ["pod"], series(METRICS.inFlight, OWN)), legend: "{{pod}}" }],
        { stacked: true },
      ),
      line(
        "Streams",
        "Open connections with video.",
        "short",
        8,
        [{ expression: aggregate("sum", ["pod"], series(METRICS.streams, OWN)), legend: "{{pod}}" }],
        { stacked: true },
      ),
    ],
  };
}

function queue(): Section {
  return {
    title: "Queue and batches",
    panels: [
      line("Queue", "Requests that wait for a worker. Beyond the limit they are answered 503.", "short", 8, [
        { expression: aggregate("max", ["pod"], series(METRICS.queueDepth, OWN)), legend: "{{pod}}" },
      ]),
      line("Wait", "Seconds that requests wait for a worker.", "s", 8, percentiles(METRICS.queueWait, OWN)),
      line("Batch", "Images that share a run of the model, on average.", "short", 8, [
        { expression: mean(METRICS.batchSize, OWN, RANGE, ["model"]), legend: "{{model}}" },
      ]),
    ],
  };
}

function stages(): Section {
  return {
    title: "Stages",
    panels: [
      line(
        "Mean time by stage",
        "Seconds of an image in each stage.",
        "s",
        12,
        [{ expression: mean(METRICS.stageDuration, OWN, RANGE, ["stage"]), legend: "{{stage}}" }],
        { stacked: true },
      ),
      line("Slowest of 100", "99 of 100 images are faster.", "s", 12, [
        {
          expression: quantile(0.99, METRICS.stageDuration, { matchers: OWN, range: RANGE, by: ["stage", "model"] }),
          legend: "{{stage}} {{model}}",
        },
      ]),
    ],
  };
}

function found(): Section {
  return {
    title: "Detections",
    panels: [
      line(
        "Objects by class",
        "Objects found in a second. A sudden change without other traffic is worth a look at the pictures.",
        "short",
        12,
        [
          {
            expression: `topk(10, ${aggregate("sum", ["class"], rate(METRICS.detections, OWN, RANGE))})`,
            legend: "{{class}}",
          },
        ],
        { stacked: true },
      ),
      {
        title: "Models",
        description: "What each pod runs, and on what.",
        kind: "table",
        unit: "short",
        width: 12,
        queries: [
          {
            expression: aggregate(
              "count",
              ["model", "sha256", "task", "layout", "provider"],
              series(METRICS.modelInfo, OWN),
            ),
            legend: "",
          },
        ],
      },
    ],
  };
}

function pods(): Section {
  return {
    title: "Pods",
    panels: [
      line("Workers replaced", "Inference workers that died.", "short", 6, [
        { expression: aggregate("sum", ["pod"], increase(METRICS.workerRestarts, OWN, RANGE)), legend: "{{pod}}" },
      ]),
      line("Event loop", "Seconds that one in a hundred events waits.", "s", 6, [
        { expression: series(PROCESS.eventLoopLagP99, OWN), legend: "{{pod}}" },
      ]),
      line("Processors", "Cores in use.", "short", 6, [
        { expression: rate(PROCESS.cpu, OWN, RANGE), legend: "{{pod}}" },
      ]),
      line("Memory", "Resident memory of the process.", "bytes", 6, [
        { expression: series(PROCESS.memory, OWN), legend: "{{pod}}" },
      ]),
    ],
  };
}

function percentiles(histogram: Parameters<typeof quantile>[1], matchers: Matchers): Query[] {
  return SHARES.map((share) => ({
    expression: quantile(share, histogram, { matchers, range: RANGE }),
    legend: `${share * 100} %`,
  }));
}

function line(
  title: string,
  description: string,
  unit: Panel["unit"],
  width: number,
  queries: Query[],
  more: Pick<Panel, "stacked" | "limit"> = {},
): Panel {
  return { title, description, kind: "timeseries", unit, width, queries, ...more };
}

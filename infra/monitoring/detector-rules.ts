import { METRICS } from "../../service/contract.ts";
import { GPU_PRESENT_LABEL } from "../nodes/labels.ts";
import type { Alert, RuleGroup } from "./alerts.ts";
import type { SloSettings, WatchedDetector } from "./args.ts";
import { KUBE, PROCESS, SCRAPE } from "./metrics.ts";
import { aggregate, increase, type Matchers, rate, series, shownLabel } from "./promql.ts";
import { SERVED_ROUTES, sloGroups } from "./slo-rules.ts";

/** Share of the queue's room from which on it counts as filling. */
const QUEUE_SHARE = 0.8;

/** Share of requests answered 503 that is worth a look before the budget is. */
const REJECTED_SHARE = 0.01;

/** Seconds that the event loop may be late: the main thread only passes requests on, so that this much means it is overloaded. */
const EVENT_LOOP_LAG_S = 0.2;

/** Minutes without a ready pod that are an incident; a service that may sleep has none until a node with a GPU has come. */
function unreadyMinutes({ replicas }: WatchedDetector): number {
  return replicas.min === 0 ? 20 : 3;
}

/** What selects the series that the pods of a detector export. */
export function detectorMatchers({ name, namespace }: Pick<WatchedDetector, "name" | "namespace">): Matchers {
  return { namespace, job: name };
}

/** All rules about one detector. */
export function detectorGroups(detector: WatchedDetector, slo: SloSettings): RuleGroup[] {
  return [
    ...sloGroups(detectorMatchers(detector), slo),
    { name: "service", alerts: [...loadAlerts(detector), ...runtimeAlerts(detector)] },
    { name: "pods", alerts: podAlerts(detector) },
    { name: "release", alerts: releaseAlerts(detector) },
  ];
}

function loadAlerts(detector: WatchedDetector): Alert[] {
  const own = detectorMatchers(detector);
  const served = { ...own, route: { matches: SERVED_ROUTES } };
  const { queueLimit } = detector.serving;
  const total = aggregate("sum", ["namespace", "job"], rate(METRICS.requests, served, "5m"));
  const rejected = aggregate("sum", ["namespace", "job"], rate(METRICS.requests, { ...served, code: "503" }, "5m"));
  return [
    {
      name: "YoloQueueFilling",
      severity: "warning",
      expression: `${series(METRICS.queueDepth, own)} > ${Math.floor(queueLimit * QUEUE_SHARE)}`,
      minutes: 5,
      summary: "Requests wait in a queue that is almost full",
      description:
        `{{ $value }} requests wait in {{ $labels.pod }}, which takes ${queueLimit}; ` +
        "the next ones beyond that are answered 503.",
    },
    {
      name: "YoloRequestsRejected",
      severity: "warning",
      expression: `${rejected} / ${total} > ${REJECTED_SHARE}`,
      minutes: 10,
      summary: "Requests are rejected",
      description: "{{ $value | humanizePercentage }} of the requests of {{ $labels.job }} are answered 503.",
    },
    {
      name: "YoloScaledToLimit",
      severity: "warning",
      expression: `${series(KUBE.deploymentReplicas, deployment(detector))} >= ${detector.replicas.max}`,
      minutes: 30,
      summary: "No more pods can be added",
      description: `{{ $labels.deployment }} has had replicas.max (${detector.replicas.max}) pods for half an hour.`,
    },
  ];
}

function runtimeAlerts(detector: WatchedDetector): Alert[] {
  const own = detectorMatchers(detector);
  return [
    {
      name: "YoloMetricsMissing",
      severity: "critical",
      // Nobody scales a Detector to zero by hand without knowing; where an autoscaler may, missing pods are no news.
      expression:
        `absent(${series(SCRAPE.up, own)} == 1) ` +
        `and on () (sum(${series(KUBE.deploymentReplicas, deployment(detector))}) > 0)`,
      minutes: Math.max(10, unreadyMinutes(detector)),
      summary: "Nothing is known about the service",
      description: `Prometheus reads no metrics of ${detector.name} in ${detector.namespace}: no other alert about it can fire.`,
    },
    {
      name: "YoloWorkersRestarting",
      severity: "warning",
      expression: `${increase(METRICS.workerRestarts, own, "30m")} > 2`,
      minutes: 0,
      summary: "Inference workers die",
      description: "{{ $value | humanize }} workers of {{ $labels.pod }} died in half an hour and were replaced.",
    },
    {
      name: "YoloEventLoopLagging",
      severity: "warning",
      expression: `${series(PROCESS.eventLoopLagP99, own)} > ${EVENT_LOOP_LAG_S}`,
      minutes: 10,
      summary: "The main thread is overloaded",
      description: "One in a hundred events of {{ $labels.pod }} waits {{ $value | humanizeDuration }} to be handled.",
    },
  ];
}

function podAlerts(detector: WatchedDetector): Alert[] {
  const { name, namespace } = detector;
  const pods = { namespace, pod: { matches: `${name}-.+` } };
  const placed = series(KUBE.podInfo, { ...pods, node: { not: "" } });
  const candidates = series(
    KUBE.nodeLabels,
    detector.resources.gpus > 0 ? { [shownLabel(GPU_PRESENT_LABEL)]: "true" } : {},
  );
  return [
    {
      name: "YoloNoReadyPods",
      severity: "critical",
      expression:
        `${series(KUBE.deploymentReady, deployment(detector))} == 0 ` +
        `and ${series(KUBE.deploymentReplicas, deployment(detector))} > 0`,
      minutes: unreadyMinutes(detector),
      summary: "No pod answers requests",
      description: "None of the pods of {{ $labels.deployment }} in {{ $labels.namespace }} is ready.",
    },
    {
      name: "YoloPodsRestarting",
      severity: "warning",
      expression: `${increase(KUBE.podRestarts, pods, "30m")} > 2`,
      minutes: 0,
      summary: "A pod restarts over and over",
      description: "{{ $labels.pod }} was restarted {{ $value | humanize }} times in half an hour.",
    },
    {
      name: "YoloPodsNotSpread",
      severity: "info",
      expression:
        `count by (namespace) (count by (namespace, node) (${placed})) == 1 ` +
        `and count by (namespace) (${placed}) > 1 and on () count(${candidates}) > 1`,
      minutes: 60,
      summary: "All pods run on one node",
      description:
        "The pods in {{ $labels.namespace }} all run on one node, although there are others: they fail together.",
    },
  ];
}

function releaseAlerts(detector: WatchedDetector): Alert[] {
  const own = detectorMatchers(detector);
  const { model, serving } = detector;
  return [
    {
      name: "YoloModelMismatch",
      severity: "warning",
      expression: series(METRICS.modelInfo, { ...own, model: model.name, sha256: { not: model.sha256 } }),
      minutes: 60,
      summary: "A pod runs another model than the release says",
      description: `{{ $labels.pod }} runs model {{ $labels.model }} {{ $labels.sha256 }}, not ${model.sha256}.`,
    },
    {
      name: "YoloProviderMismatch",
      severity: "warning",
      // P25: without its libraries ONNX Runtime falls back to the CPU without a word.
      expression: series(METRICS.modelInfo, { ...own, provider: { not: serving.executionProvider } }),
      minutes: 15,
      summary: "A pod runs its model elsewhere than it is configured to",
      description: `{{ $labels.pod }} runs {{ $labels.model }} on {{ $labels.provider }}, not on ${serving.executionProvider}.`,
    },
  ];
}

function deployment({ name, namespace }: WatchedDetector): Matchers {
  return { namespace, deployment: name };
}

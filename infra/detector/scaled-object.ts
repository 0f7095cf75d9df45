import { METRICS } from "../../service/contract.ts";
import { detectorMatchers } from "../monitoring/detector-rules.ts";
import { KUBE } from "../monitoring/metrics.ts";
import { aggregate, rate, series } from "../monitoring/promql.ts";
import { SERVED_ROUTES } from "../monitoring/slo-rules.ts";
import type { AwakeHours, DetectorSettings, KedaScaling, Serving, Weekday } from "./args.ts";
import { SCALING_BEHAVIOR } from "./autoscaling.ts";
import { workerCount } from "./environment.ts";

/** Seconds between two looks at the triggers. */
const POLLING_SECONDS = 30;

/**
 * Seconds that a new release keeps a service awake that may sleep: a node with a GPU comes, the model is loaded, and somebody
 * looks at it. Otherwise a release of the night would run nowhere before the morning.
 */
export const AWAKE_AFTER_RELEASE_SECONDS = 1_800;

/** Days as cron counts them. */
const WEEKDAYS: Record<Weekday, number> = {
  sunday: 0,
  monday: 1,
  tuesday: 2,
  wednesday: 3,
  thursday: 4,
  friday: 5,
  saturday: 6,
};

/** What KEDA looks at; every value is text. */
export interface Trigger {
  type: "cpu" | "memory" | "prometheus" | "cron";
  metricType?: "Utilization" | "AverageValue";
  metadata: Record<string, string>;
}

/** What a ScaledObject depends on. */
export interface ScaledObjectArgs extends Pick<DetectorSettings, "namespace" | "replicas" | "serving"> {
  /** Name of the Deployment, and of the job under which Prometheus has its metrics. */
  name: string;
  autoscaling: DetectorSettings["autoscaling"] & { keda: KedaScaling };
  prometheusUrl: string;
}

/** Requests, or streams, that a pod is to have at a time. */
export function busyPerPod({ busyPerPod: chosen }: KedaScaling, serving: Serving): number {
  return chosen ?? workerCount(serving) * serving.maxBatch;
}

/**
 * Keeps the number of pods by all its triggers, the one that asks for most; KEDA makes a HorizontalPodAutoscaler of it, and does
 * by itself what that cannot: the step from no pod to one, and back. It leaves the pods as the Deployment has them, on their
 * nodes with GPUs (P12: Knative takes node selectors and tolerations behind flags only, and ends pods that get ready late).
 * Source: https://keda.sh/docs/2.20/reference/scaledobject-spec/
 */
export function scaledObjectSpec(args: ScaledObjectArgs) {
  const { name, replicas, autoscaling } = args;
  const cooldownPeriod = autoscaling.keda.idleMinutes * 60;
  return {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
    minReplicaCount: replicas.min,
    maxReplicaCount: replicas.max,
    pollingInterval: POLLING_SECONDS,
    cooldownPeriod,
    // Also before anything was ever active, so that a first release is not ended while its metrics are still to come.
    initialCooldownPeriod: cooldownPeriod,
    advanced: { horizontalPodAutoscalerConfig: { behavior: SCALING_BEHAVIOR } },
    triggers: triggers(args),
  };
}

function triggers({ name, namespace, replicas, serving, autoscaling, prometheusUrl }: ScaledObjectArgs): Trigger[] {
  const { cpuPercent, memoryPercent, keda } = autoscaling;
  const own = detectorMatchers({ name, namespace });
  const served = { ...own, route: { matches: SERVED_ROUTES } };
  const busy = busyPerPod(keda, serving);
  const query = (expression: string, threshold: number): Trigger => ({
    type: "prometheus",
    metricType: "AverageValue",
    metadata: {
      serverAddress: prometheusUrl,
      query: expression,
      threshold: String(threshold),
      activationThreshold: "0",
    },
  });
  const created = series(KUBE.replicaSetCreated, { namespace, replicaset: { matches: `${name}-.+` } });
  return [
    utilization("cpu", cpuPercent),
    utilization("memory", memoryPercent),
    // Seconds of requests in a second are the requests that there are at a time, on average (Little's law): the gauge of them
    // is looked at twice a minute, and would miss what comes and goes between.
    query(aggregate("sum", [], rate(`${METRICS.requestDuration}_sum`, served, "2m")), busy),
    query(aggregate("sum", [], series(METRICS.streams, own)), busy),
    ...(keda.awake === undefined ? [] : [schedule(keda.awake)]),
    ...(replicas.min === 0
      ? [query(aggregate("count", [], `time() - ${created} < ${AWAKE_AFTER_RELEASE_SECONDS}`), 1)]
      : []),
  ];
}

function utilization(type: "cpu" | "memory", percent: number): Trigger {
  return { type, metricType: "Utilization", metadata: { value: String(percent) } };
}

/** Source: https://keda.sh/docs/2.20/scalers/cron/ */
function schedule({ days, from, to, timeZone, replicas }: AwakeHours): Trigger {
  const on = days.map((day) => WEEKDAYS[day]).sort((a, b) => a - b);
  const at = (time: string) => {
    const [hours, minutes] = time.split(":").map(Number);
    return `${minutes} ${hours} * * ${on.join(",")}`;
  };
  return {
    type: "cron",
    metadata: { timezone: timeZone, start: at(from), end: at(to), desiredReplicas: String(replicas) },
  };
}

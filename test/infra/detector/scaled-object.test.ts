import assert from "node:assert/strict";
import type { AwakeHours, DetectorSettings, KedaScaling } from "../../../infra/detector/args.ts";
import { SCALING_BEHAVIOR } from "../../../infra/detector/autoscaling.ts";
import { detectorProblems } from "../../../infra/detector/checks.ts";
import { busyPerPod, scaledObjectSpec } from "../../../infra/detector/scaled-object.ts";
import { problemText } from "../../../infra/problems.ts";
import { detectorSchema } from "../../../stacks/config/detector.ts";
import { find } from "../../support/pulumi.ts";
import { ARGS, build, metadata } from "./fixture.ts";

const URL = "http://prometheus.invalid:9090";
const AWAKE: AwakeHours = {
  days: ["friday", "monday"],
  from: "08:05",
  to: "19:30",
  timeZone: "Europe/Berlin",
  replicas: 2,
};

function spec(keda: KedaScaling, replicas = ARGS.replicas) {
  const { namespace, serving, autoscaling } = ARGS;
  const args = { name: "detector", namespace, serving, replicas, prometheusUrl: URL };
  return scaledObjectSpec({ ...args, autoscaling: { ...autoscaling, keda } });
}

function problems(keda: KedaScaling | undefined, changes: Partial<DetectorSettings>): string[] {
  const settings = detectorSchema.parse({});
  const autoscaling = { ...settings.autoscaling, keda };
  return detectorProblems({ ...settings, autoscaling, ...changes }).map(problemText);
}

describe("A detector that KEDA scales", () => {
  it("has a ScaledObject that comes after its Deployment, and no autoscaler beside it", async () => {
    const { recording } = await build({
      autoscaling: { ...ARGS.autoscaling, keda: { idleMinutes: 15 } },
      prometheusUrl: URL,
    });
    const { inputs, dependencies } = find(recording, "kubernetes:keda.sh/v1alpha1:ScaledObject", "detector");
    assert.deepEqual(inputs.metadata, metadata("detector"));
    assert.deepEqual(inputs.spec, JSON.parse(JSON.stringify(spec({ idleMinutes: 15 }))));
    const deployment = find(recording, "kubernetes:apps/v1:Deployment", "detector");
    assert.ok(dependencies.includes(deployment.urn));
    assert.ok(!("replicas" in (deployment.inputs.spec as object)));
    assert.ok(!recording.resources.some(({ type }) => type.endsWith(":HorizontalPodAutoscaler")));
  });

  it("cannot be without a Prometheus to ask", async () => {
    await assert.rejects(
      build({ autoscaling: { ...ARGS.autoscaling, keda: { idleMinutes: 15 } } }),
      /Expected prometheusUrl with autoscaling.keda but received nothing/,
    );
  });

  it("is scaled by what it uses, and by the requests and streams that there are at a time", () => {
    const { triggers, ...rest } = spec({ idleMinutes: 15, busyPerPod: 6 });
    assert.deepEqual(rest, {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "detector" },
      minReplicaCount: 2,
      maxReplicaCount: 5,
      pollingInterval: 30,
      cooldownPeriod: 900,
      initialCooldownPeriod: 900,
      // As fast as the autoscaler of Kubernetes, which surroundings.test.ts spells out.
      advanced: { horizontalPodAutoscalerConfig: { behavior: SCALING_BEHAVIOR } },
    });
    const query = (text: string) => ({
      type: "prometheus",
      metricType: "AverageValue",
      metadata: { serverAddress: URL, query: text, threshold: "6", activationThreshold: "0" },
    });
    assert.deepEqual(triggers, [
      { type: "cpu", metricType: "Utilization", metadata: { value: "70" } },
      { type: "memory", metricType: "Utilization", metadata: { value: "90" } },
      query(
        'sum(rate(yolo_request_duration_seconds_sum{namespace="yolo",job="detector",route=~"/predict|/v2/.+/infer"}[2m]))',
      ),
      query('sum(yolo_streams{namespace="yolo",job="detector"})'),
    ]);
  });

  it("takes as many requests as its workers work on together, where no number is chosen", () => {
    const { workers: _, ...serving } = { ...ARGS.serving, threads: 3, maxBatch: 8 };
    assert.equal(busyPerPod({ idleMinutes: 1 }, serving), 24);
    assert.equal(busyPerPod({ idleMinutes: 1 }, { ...serving, executionProvider: "cuda" }), 16);
    assert.equal(busyPerPod({ idleMinutes: 1, busyPerPod: 5 }, serving), 5);
  });

  it("has pods in the hours of a time zone, as cron writes them", () => {
    const cron = spec({ idleMinutes: 15, awake: AWAKE }).triggers.filter(({ type }) => type === "cron");
    assert.deepEqual(cron, [
      {
        type: "cron",
        metadata: { timezone: "Europe/Berlin", start: "5 8 * * 1,5", end: "30 19 * * 1,5", desiredReplicas: "2" },
      },
    ]);
  });

  it("wakes for a new release where there may be no pod, and only there", () => {
    const last = (min: number) => spec({ idleMinutes: 15, awake: AWAKE }, { min, max: 5 }).triggers.at(-1);
    assert.deepEqual(last(0), {
      type: "prometheus",
      metricType: "AverageValue",
      metadata: {
        serverAddress: URL,
        query: 'count(time() - kube_replicaset_created{namespace="yolo",replicaset=~"detector-.+"} < 1800)',
        threshold: "1",
        activationThreshold: "0",
      },
    });
    assert.equal(last(1)?.type, "cron");
  });
});

describe("Settings of a detector that KEDA scales", () => {
  const asleep = { min: 0, max: 3 };

  it("may let it sleep when something wakes it", () => {
    assert.deepEqual(problems({ idleMinutes: 15, awake: AWAKE }, { replicas: asleep }), []);
    const hour = { ...AWAKE, timeZone: "UTC", from: "00:00", to: "23:59", replicas: 3 };
    assert.deepEqual(problems({ idleMinutes: 15, awake: hour }, { replicas: asleep }), []);
    assert.deepEqual(problems({ idleMinutes: 15 }, {}), []);
  });

  it("must not let it sleep when nothing does", () => {
    const message =
      "Expected at least 1 without autoscaling.keda.awake: only pods count requests, so that nothing would ever start the " +
      "first one, for replicas.min but received 0";
    assert.deepEqual(problems(undefined, { replicas: asleep }), [message]);
    assert.deepEqual(problems({ idleMinutes: 15 }, { replicas: asleep }), [message]);
  });

  it("must leave a pod during a rollout in the hours in which there must be some", () => {
    const rollout = { mode: "resourceAware", maxUnavailable: 1 } as const;
    const keda = { idleMinutes: 15, awake: AWAKE };
    assert.deepEqual(problems(keda, { replicas: asleep, rollout }), []);
    assert.deepEqual(problems({ ...keda, awake: { ...AWAKE, replicas: 1 } }, { replicas: asleep, rollout }), [
      "Expected less than autoscaling.keda.awake.replicas (1), so that one pod stays while the others are replaced, " +
        "for rollout.maxUnavailable but received 1",
    ]);
  });

  it("must be hours that there are", () => {
    const wrong = { days: ["monday", "monday"], from: "19:00", to: "08:00", timeZone: "Europe/Nowhere", replicas: 4 };
    assert.deepEqual(problems({ idleMinutes: 15, awake: wrong as AwakeHours }, { replicas: asleep }), [
      'Expected each day once for autoscaling.keda.awake.days but received ["monday","monday"]',
      'Expected later on the same day than from (19:00) for autoscaling.keda.awake.to but received "08:00"',
      "Expected a name of the IANA Time Zone Database such as Europe/Berlin for autoscaling.keda.awake.timeZone but " +
        'received "Europe/Nowhere"',
      "Expected from replicas.min (0) to replicas.max (3) for autoscaling.keda.awake.replicas but received 4",
    ]);
  });
});

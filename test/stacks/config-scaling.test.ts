import assert from "node:assert/strict";
import { problemText } from "../../infra/problems.ts";
import { podScalerProblems } from "../../infra/scaling/checks.ts";
import { detectorSchema } from "../../stacks/config/detector.ts";
import { describeExpected, formatProblems } from "../../stacks/config/problems.ts";
import { scalingSchema } from "../../stacks/config/scaling.ts";

/** The problems of the detector's section, as they are printed. */
function problems(raw: unknown): string[] {
  const result = detectorSchema.safeParse(raw, { error: describeExpected });
  return result.success ? [] : formatProblems(result.error, raw).split("\n");
}

describe("Configuration of what scales pods", () => {
  const keda = (value: object) => ({ autoscaling: { keda: value } });

  it("fills in every default, and hours only where some are given", () => {
    assert.deepEqual(detectorSchema.parse(keda({})).autoscaling, {
      cpuPercent: 70,
      memoryPercent: 90,
      keda: { idleMinutes: 15 },
    });
    const awake = { from: "08:00", to: "19:00", timeZone: "UTC" };
    assert.deepEqual(detectorSchema.parse({ replicas: { min: 1 }, ...keda({ awake }) }).autoscaling.keda?.awake, {
      ...awake,
      days: ["monday", "tuesday", "wednesday", "thursday", "friday"],
      replicas: 1,
    });
  });

  it("reports every problem at once", () => {
    const raw = keda({
      idleMinutes: 0,
      busyPerPod: 0,
      awake: { days: [], from: "8:00", to: "24:00", timezone: "UTC" },
    });
    assert.deepEqual(problems(raw), [
      "✖ Expected at least one day for autoscaling.keda.awake.days but received []",
      '✖ Expected hours and minutes from 00:00 to 23:59 for autoscaling.keda.awake.from but received "8:00"',
      "✖ Expected some text for autoscaling.keda.awake.timeZone but received nothing",
      '✖ Expected no such key for autoscaling.keda.awake.timezone but received "UTC"',
      '✖ Expected hours and minutes from 00:00 to 23:59 for autoscaling.keda.awake.to but received "24:00"',
      "✖ Expected a whole number from 1 to 100000 for autoscaling.keda.busyPerPod but received 0",
      "✖ Expected a whole number from 1 to 1440 for autoscaling.keda.idleMinutes but received 0",
    ]);
  });

  it("needs KEDA for a detector that KEDA scales, and no other", () => {
    const without = scalingSchema.parse({ keda: { enabled: false } });
    const { autoscaling } = detectorSchema.parse(keda({}));
    assert.deepEqual(podScalerProblems(without, autoscaling).map(problemText), [
      "Expected true with detector.autoscaling.keda, which KEDA carries out, for scaling.keda.enabled but received false",
    ]);
    assert.deepEqual(podScalerProblems(scalingSchema.parse({}), autoscaling), []);
    assert.deepEqual(podScalerProblems(without, detectorSchema.parse({}).autoscaling), []);
  });
});

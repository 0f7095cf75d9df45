import { type Problem, problem, problemsBelow } from "../problems.ts";
import { cpuMillicores, memoryBytes } from "../quantity.ts";
import type { AwakeHours, DetectorSettings } from "./args.ts";

/** What does not go together about the number of pods, and when it changes. */
export function podScalingProblems(settings: DetectorSettings): Problem[] {
  const { awake } = settings.autoscaling.keda ?? {};
  return [
    ...replicaProblems(settings),
    ...targetProblems(settings),
    ...(awake === undefined
      ? []
      : problemsBelow(["autoscaling", "keda", "awake"], awakeProblems(awake, settings.replicas))),
  ];
}

function replicaProblems({ replicas: { min, max }, rollout, autoscaling: { keda } }: DetectorSettings): Problem[] {
  const problems: Problem[] = [];
  if (min > max) problems.push(problem(["replicas", "min"], `at most replicas.max (${max})`, min));
  if (min === 0 && keda?.awake === undefined) {
    const expected =
      "at least 1 without autoscaling.keda.awake: only pods count requests, so that nothing would ever start the first one,";
    problems.push(problem(["replicas", "min"], expected, min));
  }
  // Where there may be no pod at all, the pods that count are those of the hours in which there must be some.
  const [path, least] =
    min === 0 && keda?.awake
      ? (["autoscaling.keda.awake.replicas", keda.awake.replicas] as const)
      : (["replicas.min", min] as const);
  if (rollout.mode === "resourceAware" && rollout.maxUnavailable >= least) {
    const expected = `less than ${path} (${least}), so that one pod stays while the others are replaced,`;
    problems.push(problem(["rollout", "maxUnavailable"], expected, rollout.maxUnavailable));
  }
  return problems;
}

function targetProblems({ autoscaling, resources: { requests, limits } }: DetectorSettings): Problem[] {
  const problems: Problem[] = [];
  // A target beyond the limit is never reached: pods would be throttled or killed, and none added.
  const reachable = (limit: number, request: number) => Math.floor((limit / request) * 100);
  const memory = reachable(memoryBytes(limits.memory), memoryBytes(requests.memory));
  if (autoscaling.memoryPercent > memory) {
    const expected = `at most ${memory} (resources.limits.memory in percent of resources.requests.memory)`;
    problems.push(problem(["autoscaling", "memoryPercent"], expected, autoscaling.memoryPercent));
  }
  if (limits.cpu === undefined) return problems;
  const cpu = reachable(cpuMillicores(limits.cpu), cpuMillicores(requests.cpu));
  if (autoscaling.cpuPercent > cpu) {
    const expected = `at most ${cpu} (resources.limits.cpu in percent of resources.requests.cpu)`;
    problems.push(problem(["autoscaling", "cpuPercent"], expected, autoscaling.cpuPercent));
  }
  return problems;
}

function awakeProblems(
  { days, from, to, timeZone, replicas }: AwakeHours,
  { min, max }: DetectorSettings["replicas"],
): Problem[] {
  const problems: Problem[] = [];
  if (new Set(days).size < days.length) problems.push(problem(["days"], "each day once", days));
  // Both are written with two digits each, so that their order as text is that of the day.
  if (to <= from) problems.push(problem(["to"], `later on the same day than from (${from})`, to));
  if (!isTimeZone(timeZone)) {
    problems.push(problem(["timeZone"], "a name of the IANA Time Zone Database such as Europe/Berlin", timeZone));
  }
  if (replicas < min || replicas > max) {
    problems.push(problem(["replicas"], `from replicas.min (${min}) to replicas.max (${max})`, replicas));
  }
  return problems;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

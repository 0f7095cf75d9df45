import { setTimeout as sleep } from "node:timers/promises";
import { closedLoop, send } from "./load.ts";
import type { Running } from "./running.ts";

/** What one server did in one window of time. */
export interface Sample {
  seconds: number;
  /** Milliseconds of each request. */
  latencies: number[];
  rssMb: number;
  cpuSeconds: number;
}

/**
 * Lets a server work for `ms` milliseconds under so many callers.
 * @throws CallError when it fails to answer
 */
export async function sample(running: Running, callers: number, ms: number, signal: AbortSignal): Promise<Sample> {
  if (running.contender.kind.startsWith("limit")) return limitSample(running, ms, signal);
  const edges = [running.usage()];
  const { latencies, seconds } = await closedLoop(running.call, callers, ms, () => edges.push(running.usage()), signal);
  // What a server does after its last answer must not reach into the next one's window.
  await sleep(100);
  return { seconds, latencies, ...spent(edges.slice(-2)) };
}

/** The program itself repeats `session.run`; being asked once costs it nothing. */
async function limitSample({ call, usage }: Running, ms: number, signal: AbortSignal): Promise<Sample> {
  await send({ ...call, url: `${call.url}/?ms=500` }, signal);
  const before = usage();
  const started = performance.now();
  const latencies = JSON.parse((await send({ ...call, url: `${call.url}/?ms=${ms}` }, signal)).toString()) as number[];
  const seconds = (performance.now() - started) / 1000;
  return { seconds, latencies, ...spent([before, usage()]) };
}

function spent([before, after]: ReturnType<Running["usage"]>[]) {
  return { rssMb: after?.rssMb ?? 0, cpuSeconds: (after?.cpuSeconds ?? 0) - (before?.cpuSeconds ?? 0) };
}

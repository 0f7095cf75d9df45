import { setTimeout as sleep } from "node:timers/promises";
import { closedLoop, send } from "./load.ts";
import type { Running } from "./running.ts";

/** What one server did in one window of time. */
export interface Sample {
  rps: number;
  latencies: number[];
  rssMb: number;
  cpuSPerRequest: number;
}

/** Milliseconds before a window opens: until the queue of all callers has settled. */
const rampMs = (connections: number) => 500 + connections * 80;

/** Lets a server work for `ms` milliseconds under so many callers. */
export async function sample(running: Running, connections: number, ms: number, signal: AbortSignal): Promise<Sample> {
  if (running.contender.kind.startsWith("limit")) return limitSample(running, ms);
  let before = running.usage();
  let after = before;
  const { latencies, seconds } = await closedLoop(
    running.call,
    connections,
    { rampMs: rampMs(connections), ms },
    {
      opened: () => {
        before = running.usage();
      },
      closed: () => {
        after = running.usage();
      },
      signal,
    },
  );
  // What was under way when the window closed must not reach into the next server's.
  await sleep(100);
  return {
    rps: latencies.length / seconds,
    latencies,
    rssMb: after.rssMb,
    cpuSPerRequest: (after.cpuSeconds - before.cpuSeconds) / latencies.length,
  };
}

/** The program itself repeats `session.run`; being asked once costs it nothing. */
async function limitSample({ call, usage }: Running, ms: number): Promise<Sample> {
  await send({ ...call, url: `${call.url}/?ms=500` });
  const before = usage();
  const started = performance.now();
  const latencies = JSON.parse((await send({ ...call, url: `${call.url}/?ms=${ms}` })).toString()) as number[];
  const seconds = (performance.now() - started) / 1000;
  const after = usage();
  return {
    rps: latencies.length / seconds,
    latencies,
    rssMb: after.rssMb,
    cpuSPerRequest: (after.cpuSeconds - before.cpuSeconds) / latencies.length,
  };
}

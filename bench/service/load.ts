import { Agent, request } from "node:http";

/** One kind of request. */
export interface Call {
  url: string;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: Uint8Array;
}

/** Sends a request and reads the whole answer; rejects when it is not 200. */
export function send(call: Call, agent?: Agent): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { method: call.method, headers: call.headers, ...(agent === undefined ? {} : { agent }) };
    const outgoing = request(call.url, options, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => {
        const body = Buffer.concat(parts);
        if (answer.statusCode === 200) resolve(body);
        else reject(new Error(`${call.url} answered ${answer.statusCode}: ${body.toString().slice(0, 300)}`));
      });
    });
    outgoing.on("error", reject);
    outgoing.end(call.body);
  });
}

/** What a window of time saw. */
export interface Window {
  /** Milliseconds of each request that was answered in it. */
  latencies: number[];
  seconds: number;
}

/**
 * A closed loop: `connections` callers that send the next request as soon as they have the answer to the last. Counts what
 * is answered in a window of `ms` milliseconds, which begins after `rampMs`; `opened` is called when it does, `closed` at
 * its end. Returns when nothing is under way any more.
 */
export async function closedLoop(
  call: Call,
  connections: number,
  time: { rampMs: number; ms: number },
  on: { opened(): void; closed(): void; signal: AbortSignal },
): Promise<Window> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  const from = performance.now() + time.rampMs;
  const to = from + time.ms;
  const timers = [setTimeout(on.opened, time.rampMs), setTimeout(on.closed, time.rampMs + time.ms)];
  const caller = async () => {
    while (performance.now() < to && !on.signal.aborted) {
      const sent = performance.now();
      await send(call, agent);
      const answered = performance.now();
      if (answered >= from && answered <= to) latencies.push(answered - sent);
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, caller));
  } finally {
    for (const timer of timers) clearTimeout(timer);
    agent.destroy();
  }
  on.signal.throwIfAborted();
  return { latencies, seconds: time.ms / 1000 };
}

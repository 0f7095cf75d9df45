import { Agent, request } from "node:http";

/** Milliseconds until a request counts as failed. */
const ANSWER_LIMIT_MS = 60_000;

/** Least milliseconds before a window opens. */
const RAMP_MS = 500;

/** One kind of request. */
export interface Call {
  url: string;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: Uint8Array;
}

/** A request was not answered with 200. */
export class CallError extends Error {
  override readonly name = "CallError";
}

/**
 * Sends a request and reads the whole answer.
 * @throws CallError for any other answer than 200, none within a minute, or a broken connection
 */
export function send(call: Call, signal: AbortSignal, agent?: Agent): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      reject(signal.aborted ? signal.reason : new CallError(`${call.url}: ${error.message}`, { cause: error }));
    };
    const options = { method: call.method, headers: call.headers, signal, timeout: ANSWER_LIMIT_MS };
    const outgoing = request(call.url, agent === undefined ? options : { ...options, agent }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", fail);
      answer.on("end", () => {
        const body = Buffer.concat(parts);
        if (answer.statusCode === 200) resolve(body);
        else fail(new Error(`expected 200 but received ${answer.statusCode}: ${body.toString().slice(0, 300)}`));
      });
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${ANSWER_LIMIT_MS} ms`)));
    outgoing.on("error", fail);
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
 * A closed loop: so many callers that send the next request as soon as they have the answer to the last. Counts what is
 * answered in a window of `ms` milliseconds, which opens when as many answers have come as there are callers: from then
 * on the queue is as long as it stays. Returns when nothing is under way any more.
 * @param atEdges called when the window opens, and when it closes
 * @throws CallError when a request fails
 */
export async function closedLoop(
  call: Call,
  callers: number,
  ms: number,
  atEdges: () => void,
  signal: AbortSignal,
): Promise<Window> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const stop = new AbortController();
  const until = AbortSignal.any([signal, stop.signal]);
  const latencies: number[] = [];
  const begun = performance.now();
  let state: "ramp" | "open" | "closed" = "ramp";
  let answers = 0;
  let timer: NodeJS.Timeout | undefined;
  const caller = async () => {
    while (state !== "closed") {
      const sent = performance.now();
      await send(call, until, agent);
      const answered = performance.now();
      answers++;
      if (state === "open") latencies.push(answered - sent);
      if (state !== "ramp" || answers < callers || answered - begun < RAMP_MS) continue;
      state = "open";
      atEdges();
      timer = setTimeout(() => {
        state = "closed";
        atEdges();
      }, ms);
    }
  };
  try {
    await Promise.all(Array.from({ length: callers }, caller));
  } finally {
    // After a failure: the other callers' requests.
    stop.abort();
    clearTimeout(timer);
    agent.destroy();
  }
  return { latencies, seconds: ms / 1000 };
}

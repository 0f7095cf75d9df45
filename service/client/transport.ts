import { HEADERS, LONGEST_WAIT_MS } from "../contract.ts";
import { CLIENT_CODES, readErrorBody, YoloError } from "./errors.ts";
import {
  isRetriedFailure,
  isRetriedStatus,
  LONGEST_RETRY_AFTER_SECONDS,
  parseRetryAfter,
  pauseMs,
  reasonOf,
  sleep,
} from "./retry.ts";

/** How a service is reached. */
export interface ClientOptions {
  /** Its address, such as `http://127.0.0.1:8080`; a path in it comes before the service's own. */
  url: string | URL;
  /** Sent in `x-api-key`. */
  apiKey?: string;
  /** Milliseconds for a whole call with all its tries. Defaults to 60 000. */
  timeoutMs?: number;
  /** Most repetitions after the first try. Defaults to 3. */
  retries?: number;
  /** Replaces the global `fetch`. */
  fetch?: typeof fetch;
}

/** What a single call may have of its own. */
export interface CallOptions {
  /** Ends the call; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Instead of the client's. */
  timeoutMs?: number | undefined;
}

/** A request before it is sent; it may be sent more than once. */
export interface Outgoing extends CallOptions {
  method: "GET" | "POST";
  path: string;
  query?: URLSearchParams;
  headers?: Record<string, string>;
  body?: Blob | FormData;
  /** Instead of the client's. */
  retries?: number;
}

type Outcome<Result> = { result: Result } | { failure: YoloError; again: boolean };

/** Timers of a longer time end at once: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Sends requests to one service, again where that is safe, until an answer is there or the time is over. */
export class Transport {
  readonly url: URL;
  readonly apiKey: string | undefined;
  readonly #timeoutMs: number;
  readonly #retries: number;
  readonly #fetch: typeof fetch;

  /** @throws TypeError when the address is not one, or RangeError when a number is not possible */
  constructor({ url, apiKey, timeoutMs = 60_000, retries = 3, fetch: given }: ClientOptions) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new TypeError(`Expected the http: or https: address of the service as url but received ${String(url)}.`);
    }
    checkTimeout(timeoutMs);
    if (!(Number.isInteger(retries) && retries >= 0)) {
      throw new RangeError(`Expected a whole number from 0 as retries but received ${retries}.`);
    }
    this.url = new URL(url);
    this.apiKey = apiKey;
    this.#timeoutMs = timeoutMs;
    this.#retries = retries;
    // Called on its own: a browser's fetch refuses to be the method of another object.
    this.#fetch = given ?? ((input, init) => fetch(input, init));
  }

  /** The address of a path of the service. */
  address(path: string, query?: URLSearchParams): URL {
    const address = new URL(this.url);
    address.pathname = address.pathname.replace(/\/+$/, "") + path;
    address.search = query?.toString() ?? "";
    address.hash = "";
    return address;
  }

  /**
   * Sends a request and reads its answer; `read` gets 2xx answers only.
   * @throws YoloError, or the reason of the caller's signal
   */
  async send<Result>(outgoing: Outgoing, read: (answer: Response) => Promise<Result>): Promise<Result> {
    const timeoutMs = outgoing.timeoutMs ?? this.#timeoutMs;
    checkTimeout(timeoutMs);
    const endsAt = performance.now() + timeoutMs;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    const signal =
      outgoing.signal === undefined ? deadline.signal : AbortSignal.any([outgoing.signal, deadline.signal]);
    let last: YoloError | undefined;
    try {
      for (let attempt = 1; ; attempt++) {
        const outcome = await this.#try(outgoing, read, signal, endsAt - performance.now());
        if ("result" in outcome) return outcome.result;
        last = outcome.failure;
        const pause = pauseMs(attempt, last.retryAfterSeconds);
        const long = (last.retryAfterSeconds ?? 0) > LONGEST_RETRY_AFTER_SECONDS || performance.now() + pause >= endsAt;
        if (!outcome.again || attempt > (outgoing.retries ?? this.#retries) || long) throw last;
        await sleep(pause, signal);
      }
    } catch (error) {
      if (outgoing.signal?.aborted === true) throw outgoing.signal.reason;
      if (!deadline.signal.aborted || error instanceof YoloError) throw error;
      const before = last === undefined ? "" : ` The try before ended with: ${last.message}`;
      throw new YoloError(CLIENT_CODES.late, `Expected an answer within ${timeoutMs} ms but there was none.${before}`, {
        cause: last ?? error,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async #try<Result>(
    { method, path, query, headers, body }: Outgoing,
    read: (answer: Response) => Promise<Result>,
    signal: AbortSignal,
    leftMs: number,
  ): Promise<Outcome<Result>> {
    signal.throwIfAborted();
    const address = this.address(path, query);
    const own: Record<string, string> = { ...headers };
    // The service then gives up when we do, instead of working for nobody.
    if (method === "POST") own[HEADERS.timeout] = String(Math.min(LONGEST_WAIT_MS, Math.max(1, Math.ceil(leftMs))));
    if (this.apiKey !== undefined) own[HEADERS.apiKey] = this.apiKey;
    try {
      // A redirect is not followed: it would carry the key to another host.
      const request = { method, headers: own, signal, redirect: "manual" } as const;
      const answer = await this.#fetch(address, body === undefined ? request : { ...request, body });
      if (answer.ok) return { result: await read(answer) };
      return { failure: await refusal(answer, address), again: isRetriedStatus(answer.status) };
    } catch (error) {
      if (signal.aborted || error instanceof YoloError) throw error;
      const message = `Expected an answer from ${address.origin} but the connection failed: ${reasonOf(error)}.`;
      const failure = new YoloError(CLIENT_CODES.unreachable, message, { cause: error });
      return { failure, again: isRetriedFailure(error) };
    }
  }
}

function checkTimeout(timeoutMs: number): void {
  if (timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS) return;
  throw new RangeError(`Expected timeoutMs above 0 and at most ${LONGEST_TIMER_MS} but received ${timeoutMs}.`);
}

/** What an answer that is not 2xx says. */
async function refusal(answer: Response, address: URL): Promise<YoloError> {
  const { status, headers } = answer;
  const error = readErrorBody(await answer.text());
  const requestId = error?.requestId || headers.get(HEADERS.requestId) || undefined;
  const retryAfterSeconds = parseRetryAfter(headers.get("retry-after"));
  const code = error?.code ?? CLIENT_CODES.invalid;
  const what = headers.has("location") ? `a redirect to ${headers.get("location")}` : `HTTP ${status}`;
  const message = error?.message ?? `Expected an answer of the service at ${address.href} but received ${what}.`;
  return new YoloError(code, message, { status, requestId, retryAfterSeconds });
}

/**
 * Reads a JSON answer, and checks that it looks like one of the service.
 * @throws YoloError YOLO_ANSWER_INVALID
 */
export async function readJson<Result>(
  answer: Response,
  looksRight: (body: Partial<Result>) => boolean,
): Promise<Result> {
  const text = await answer.text();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && looksRight(body as Partial<Result>)) return body as Result;
  } catch (error) {
    throw invalidAnswer(answer, error);
  }
  throw invalidAnswer(answer);
}

/** An answer with 2xx that the service never gives. */
export function invalidAnswer({ url, status, headers }: Response, cause?: unknown): YoloError {
  const type = headers.get("content-type") ?? "no content type";
  const message = `Expected an answer of the service at ${url} but received something else (${type}). Is the address right?`;
  return new YoloError(CLIENT_CODES.invalid, message, { status, cause });
}

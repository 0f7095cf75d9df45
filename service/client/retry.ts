/** First and longest pause before a request is sent again where the service names none, in milliseconds. */
const PAUSE_MS = { first: 250, most: 5_000 } as const;

/** A service that wants a longer pause than this is not waited for; in seconds. */
export const LONGEST_RETRY_AFTER_SECONDS = 30;

/**
 * Answers after which the same request may succeed a little later: too many requests, overload and restart, and what a
 * load balancer says when its connection to a pod broke. Detecting changes nothing, so that sending again is safe.
 */
const RETRIED: ReadonlySet<number> = new Set([429, 502, 503]);

/** Failures of a connection that are not for a moment only, by the codes of Node: a name, an address, a certificate is wrong. */
const LASTING = /^(ENOTFOUND|EINVAL|ERR_INVALID_URL|UND_ERR_INVALID_ARG|ERR_TLS_.*|ERR_SSL_.*|.*CERT.*|UNABLE_TO_.*)$/;

/** Whether an answer of this status is worth another try. */
export function isRetriedStatus(status: number): boolean {
  return RETRIED.has(status);
}

/** Whether what `fetch` threw is worth another try; a browser gives no reason, and then it is. */
export function isRetriedFailure(error: unknown): boolean {
  return !LASTING.test(reasonOf(error));
}

/** The code or message that says best why a connection failed. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}

/** Seconds that a Retry-After header asks for, as a number or as a date; undefined when it is neither. */
export function parseRetryAfter(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header);
  const date = header.trim().endsWith("GMT") ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}

/**
 * Milliseconds before try number `attempt` (1 is the first repetition): at least what the service asks for, and else
 * growing from a quarter of a second to five; at random, so that callers who were refused together do not come back together.
 */
export function pauseMs(
  attempt: number,
  retryAfterSeconds: number | undefined,
  random: () => number = Math.random,
): number {
  const most = Math.min(PAUSE_MS.first * 2 ** (attempt - 1), PAUSE_MS.most);
  if (retryAfterSeconds === undefined) return most * (0.5 + random() / 2);
  return retryAfterSeconds * 1000 + most * random();
}

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => reject(signal.reason);
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  });
}

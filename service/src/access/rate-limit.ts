import { isIPv6 } from "node:net";

/** Callers that are remembered; beyond, the one that was not seen for longest is forgotten, and starts anew. */
const MOST_CALLERS = 10_000;

const MINUTE_MS = 60_000;

/** What a caller may still do. */
export interface Allowance {
  /** Whether the request may pass. */
  allowed: boolean;
  /** Requests in a minute. */
  limit: number;
  /** Whole requests that may follow at once. */
  remaining: number;
  /** Seconds until all of `limit` may be sent at once. */
  resetSeconds: number;
  /** Seconds until the next request may pass; 0 when it may now. */
  retryAfterSeconds: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** A bucket of tokens for each caller: a minute's worth at once, refilled evenly. */
export class RateLimit {
  readonly #limit: number;
  readonly #mostCallers: number;
  /** From the one that was not seen for longest to the last one. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(perMinute: number, mostCallers: number = MOST_CALLERS) {
    this.#limit = perMinute;
    this.#mostCallers = mostCallers;
  }

  /** Number of callers that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one request from a caller's bucket, if there is one left; `now` is in milliseconds. */
  take(caller: string, now: number = performance.now()): Allowance {
    const perMs = this.#limit / MINUTE_MS;
    const known = this.#buckets.get(caller);
    const tokens =
      known === undefined ? this.#limit : Math.min(this.#limit, known.tokens + (now - known.filledAt) * perMs);
    const allowed = tokens >= 1;
    const left = allowed ? tokens - 1 : tokens;
    this.#buckets.delete(caller);
    this.#buckets.set(caller, { tokens: left, filledAt: now });
    if (this.#buckets.size > this.#mostCallers) {
      const [longest] = this.#buckets.keys();
      if (longest !== undefined) this.#buckets.delete(longest);
    }
    const seconds = (missing: number) => Math.ceil(missing / perMs / 1000);
    return {
      allowed,
      limit: this.#limit,
      remaining: Math.floor(left),
      resetSeconds: seconds(this.#limit - left),
      retryAfterSeconds: allowed ? 0 : Math.max(1, seconds(1 - tokens)),
    };
  }
}

/** Who an address counts as: itself, or, because one holder of IPv6 has at least that many, its network of 64 bits. */
export function callerOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length);
  const all = [...groups, ...Array<string>(zeros).fill("0"), ...after];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}

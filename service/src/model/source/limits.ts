import { SourceProblem } from "./remote.ts";

/** How long a download is tried, and how much it may bring. */
export interface Limits {
  /** Largest file in bytes. */
  bytes: number;
  /** Attempts in a row that bring next to nothing. */
  attempts: number;
  /** Bytes after which an attempt counts as a success, however it ends. */
  progressBytes: number;
  /** Milliseconds before the second attempt; twice as long before each further one, up to `longestPauseMs`. */
  pauseMs: number;
  longestPauseMs: number;
  /** Milliseconds that a server may ask for between attempts; one that wants more is not waited for. */
  longestRetryAfterMs: number;
  /** Milliseconds in which an answer must begin, and then bring at least `stallBytes` again and again. */
  stallMs: number;
  stallBytes: number;
}

/** The limits of the service. */
export const LIMITS: Limits = {
  // An ONNX file is one protobuf message, which cannot be larger: https://onnx.ai/onnx/repo-docs/ExternalData.html
  bytes: 2 ** 31 - 1,
  attempts: 8,
  progressBytes: 1 << 20,
  pauseMs: 500,
  longestPauseMs: 30_000,
  longestRetryAfterMs: 120_000,
  stallMs: 30_000,
  stallBytes: 32 << 10,
};

/** Ends an attempt that brings too little. */
export class Stall {
  readonly signal: AbortSignal;
  #problem = new AbortController();
  #timer: NodeJS.Timeout;
  #bytes = 0;

  constructor({ stallMs, stallBytes }: Limits, signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#problem.signal]);
    this.#timer = setInterval(() => {
      const reason = `fewer than ${stallBytes} bytes came in ${stallMs / 1000} s`;
      if (this.#bytes < stallBytes) this.#problem.abort(new SourceProblem(reason, { passing: true }));
      this.#bytes = 0;
    }, stallMs);
  }

  /** Why the attempt was ended, if it was. */
  get problem(): unknown {
    return this.#problem.signal.reason;
  }

  brought(bytes: number): void {
    this.#bytes += bytes;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

/** Milliseconds until the next attempt; nothing when there should be none. */
export function pauseAfter(failures: number, problem: SourceProblem, limits: Limits): number | undefined {
  if (!problem.passing || failures >= limits.attempts || problem.retryAfterMs > limits.longestRetryAfterMs) {
    return undefined;
  }
  // Pods that start together should not come back together.
  const pause = Math.min(limits.pauseMs * 2 ** (failures - 1), limits.longestPauseMs) * (0.75 + Math.random() / 2);
  return Math.max(pause, problem.retryAfterMs);
}

import { RequestError } from "../errors.ts";
import type { DetectOptions, Failure, Findings, RawTensor } from "./messages.ts";

/** What a job wants: a look at one image, a run on tensors, or a sign of life. */
export type Work =
  | { type: "detect"; image: Uint8Array; options: DetectOptions }
  | { type: "infer"; inputs: RawTensor[]; outputs: readonly string[] }
  | { type: "probe" };

/** What a job ends with, by its work. */
export type Outcome = Findings | RawTensor[] | undefined;

/** How long a job may take, and for whom it is. */
export interface JobOptions {
  /** Aborts when the caller is gone; what waits is dropped then. */
  signal?: AbortSignal;
  /** Milliseconds that the caller waits at most. The pool's own limit when missing or longer. */
  timeoutMs?: number;
  /** Jobs of different lanes are served in turn, so that no stream or key crowds out others. */
  lane?: string;
  /** Any object that stands for the request, for jobs of one request: once it is let in, all of them are. */
  request?: object;
}

/** One piece of work from its arrival until its caller has an answer or is gone. */
export class Job {
  readonly model: string;
  readonly work: Work;
  readonly lane: string;
  readonly request: object;
  readonly queuedAt: number = performance.now();
  /** How often a worker began it. */
  attempts = 0;
  /** Set once its caller has an answer or is gone; what a worker still finds out about it is dropped. */
  settled = false;
  readonly promise: Promise<Outcome>;
  #resolve: (outcome: Outcome) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #settle: () => void;

  /** `leave` is called when the job gives up by itself: its time is over, or its caller is gone. */
  constructor(
    model: string,
    work: Work,
    timeoutMs: number,
    { signal, lane = "", request = {} }: JobOptions,
    leave: (job: Job) => void,
  ) {
    this.model = model;
    this.work = work;
    this.lane = lane;
    this.request = request;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const abort = () => {
      leave(this);
      this.reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      leave(this);
      this.reject(new RequestError("YOLO_REQUEST_TIMEOUT"));
    }, timeoutMs);
    signal?.addEventListener("abort", abort);
    this.#settle = () => {
      this.settled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    if (signal?.aborted) abort();
  }

  /** Ends the job well. */
  resolve(outcome: Outcome): void {
    this.#settle();
    this.#resolve(outcome);
  }

  /** Ends the job badly. */
  reject(error: unknown): void {
    this.#settle();
    this.#reject(error);
  }

  /** Ends the job with what a worker says is wrong. */
  fail({ code, message, detail }: Failure): void {
    this.reject(
      detail === undefined ? new RequestError(code, message) : new RequestError(code, undefined, { cause: detail }),
    );
  }
}

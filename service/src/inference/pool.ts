import { RequestError, StartError } from "../errors.ts";
import type { Selection } from "../vision/nms.ts";
import type { Findings, Task, WorkerMessage, WorkerOptions } from "./messages.ts";
import { Slot } from "./slot.ts";

/** How a pool is sized, and whom it tells what happens in it. */
export interface PoolOptions {
  workers: number;
  /** Tasks that may wait for a worker. */
  queueLimit: number;
  /** Milliseconds until a task that waits or runs is given up. */
  timeoutMs: number;
  worker: WorkerOptions;
  /** A task got a worker after so many seconds. */
  onWait?: (seconds: number) => void;
  /** A worker died and is being replaced. */
  onRestart?: (reason: string) => void;
}

interface Job {
  task: Task;
  queuedAt: number;
  attempts: number;
  /** Set once its caller has an answer or is gone; what a worker still finds out about it is dropped. */
  settled: boolean;
  resolve(findings: Findings): void;
  reject(error: Error): void;
}

interface Seat {
  slot: Slot;
  state: "starting" | "idle" | "busy";
  job?: Job;
  /** Deaths in a row without an answer in between. */
  deaths: number;
}

/** A worker that died with a task gets a successor that tries it once more; a second death is the task's fault. */
const ATTEMPTS = 2;

/** An inference within so many milliseconds proves that the workers answer. */
const PROOF_MS = 10_000;

/** Milliseconds that a probe waits for the next free worker and its answer. */
const PROBE_TIMEOUT_MS = 5_000;

const RESTART_DELAY_MS = { first: 50, most: 5_000 } as const;

const PROBE: Selection = { conf: 0.25, iou: 0.7, maxDet: 1 };

// Official builds of ONNX Runtime >= 1.29 report each model and run to Microsoft unless this is set when they start
// (https://github.com/microsoft/onnxruntime/pull/27379). Here, because only the main thread changes what native code sees.
process.env.ORT_DISABLE_TELEMETRY = "1";

/** A fixed number of inference threads behind one bounded queue: first come, first served. */
export class Pool {
  #options: PoolOptions;
  #seats: Seat[] = [];
  #queue: Job[] = [];
  #provenAt = Number.NEGATIVE_INFINITY;
  #probe: Promise<boolean> | undefined;
  #closed = false;
  /** Version of ONNX Runtime that the workers run. */
  runtimeVersion = "";

  private constructor(options: PoolOptions) {
    this.#options = options;
  }

  /**
   * Starts all workers and waits until each has loaded and run the model once.
   * @throws StartError when a worker cannot
   */
  static async start(options: PoolOptions): Promise<Pool> {
    const pool = new Pool(options);
    try {
      const starts = Array.from({ length: options.workers }, () => {
        return new Promise<void>((resolve, reject) => pool.#seat(resolve, (reason) => reject(new StartError(reason))));
      });
      await Promise.all(starts);
    } catch (error) {
      pool.close();
      throw error;
    }
    pool.#provenAt = performance.now();
    return pool;
  }

  /** Number of tasks that wait for a worker. */
  get queueDepth(): number {
    return this.#queue.length;
  }

  /** Whether at least one worker takes tasks. */
  get available(): boolean {
    return this.#seats.some(({ state }) => state !== "starting");
  }

  /**
   * Finds objects in an encoded image. When `signal` aborts, a waiting task is dropped.
   * @throws RequestError YOLO_QUEUE_FULL, YOLO_REQUEST_TIMEOUT, YOLO_INTERNAL, or what is wrong with the image
   */
  detect(image: Uint8Array, selection: Selection, signal: AbortSignal): Promise<Findings> {
    const idle = this.#seats.some(({ state }) => state === "idle");
    if (!idle && this.#queue.length >= this.#options.queueLimit)
      return Promise.reject(new RequestError("YOLO_QUEUE_FULL"));
    return this.#submit({ image, selection }, this.#options.timeoutMs, false, signal);
  }

  /** Whether the workers still answer: true after a recent inference, else found out by one that passes the queue. */
  async answers(): Promise<boolean> {
    if (performance.now() - this.#provenAt < PROOF_MS) return true;
    this.#probe ??= this.#submit({ selection: PROBE }, PROBE_TIMEOUT_MS, true)
      .then(
        () => true,
        () => performance.now() - this.#provenAt < PROOF_MS,
      )
      .finally(() => {
        this.#probe = undefined;
      });
    return this.#probe;
  }

  /** Ends all workers at once; what still waits or runs fails. */
  close(): void {
    this.#closed = true;
    for (const { slot } of this.#seats) slot.stop("the pool was closed");
    for (const job of this.#queue.splice(0)) job.reject(new RequestError("YOLO_NOT_READY"));
  }

  #submit(task: Task, timeoutMs: number, first: boolean, signal?: AbortSignal): Promise<Findings> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        job.settled = true;
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      const job: Job = {
        task,
        queuedAt: performance.now(),
        attempts: 0,
        settled: false,
        resolve: (findings) => {
          settle();
          resolve(findings);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const leave = (error: Error) => {
        const index = this.#queue.indexOf(job);
        if (index >= 0) this.#queue.splice(index, 1);
        job.reject(error);
      };
      const abort = () => leave(signal?.reason);
      const timer = setTimeout(() => leave(new RequestError("YOLO_REQUEST_TIMEOUT")), timeoutMs);
      signal?.addEventListener("abort", abort);
      if (first) this.#queue.unshift(job);
      else this.#queue.push(job);
      if (signal?.aborted) abort();
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (const seat of this.#seats) {
      if (seat.state !== "idle") continue;
      const job = this.#queue.shift();
      if (job === undefined) return;
      seat.state = "busy";
      seat.job = job;
      job.attempts++;
      if (job.task.image !== undefined) this.#options.onWait?.((performance.now() - job.queuedAt) / 1000);
      seat.slot.run(job.task);
    }
  }

  /** Fills one place in the pool, now and whenever its worker dies. `failed` is called when the first never got ready. */
  #seat(ready: () => void, failed: (reason: string) => void): void {
    let started = false;
    const open = (): Slot => {
      return new Slot(this.#options.worker, {
        ready: (runtimeVersion) => {
          this.runtimeVersion = runtimeVersion;
          started = true;
          seat.state = "idle";
          ready();
          this.#dispatch();
        },
        answered: (message) => this.#answered(seat, message),
        gone: (reason) => {
          if (!started) failed(reason);
          if (started && !this.#closed) this.#replace(seat, reason, open);
          else seat.job?.reject(new RequestError("YOLO_NOT_READY"));
        },
      });
    };
    const seat: Seat = { slot: open(), state: "starting", deaths: 0 };
    this.#seats.push(seat);
  }

  #answered(seat: Seat, message: Extract<WorkerMessage, { type: "found" | "failed" }>): void {
    const { job } = seat;
    delete seat.job;
    seat.state = "idle";
    seat.deaths = 0;
    if (message.type === "found") this.#provenAt = performance.now();
    this.#dispatch();
    if (job === undefined || job.settled) return;
    if (message.type === "found") job.resolve(message.findings);
    else if (message.detail === undefined) job.reject(new RequestError(message.code, message.message));
    else job.reject(new RequestError(message.code, undefined, { cause: message.detail }));
  }

  #replace(seat: Seat, reason: string, open: () => Slot): void {
    const { job } = seat;
    delete seat.job;
    seat.state = "starting";
    this.#options.onRestart?.(reason);
    if (job !== undefined && !job.settled) {
      if (job.attempts < ATTEMPTS) this.#queue.unshift(job);
      else job.reject(new RequestError("YOLO_INTERNAL", undefined, { cause: `two workers died with it: ${reason}` }));
      this.#dispatch();
    }
    const delay = Math.min(RESTART_DELAY_MS.first * 2 ** seat.deaths++, RESTART_DELAY_MS.most);
    setTimeout(() => {
      if (!this.#closed) seat.slot = open();
    }, delay).unref();
  }
}

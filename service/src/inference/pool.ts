import { RequestError, StartError } from "../errors.ts";
import { Job, type JobOptions, type Work } from "./job.ts";
import type { Answer, DetectOptions, Findings, RawTensor, Task, WorkerOptions } from "./messages.ts";
import { FairQueue } from "./queue.ts";
import { Slot } from "./slot.ts";

/** How a pool is sized, and whom it tells what happens in it. */
export interface PoolOptions {
  workers: number;
  /** Jobs that may wait for a worker. */
  queueLimit: number;
  /** Milliseconds until a job that waits or runs is given up. */
  timeoutMs: number;
  /** Most images that one run takes together, and milliseconds that one waits for others. */
  maxBatch: number;
  maxBatchDelayMs: number;
  worker: WorkerOptions;
  /** A job got a worker after so many seconds. */
  onWait?: (seconds: number) => void;
  /** So many images share a run of a model. */
  onBatch?: (model: string, images: number) => void;
  /** A worker died and is being replaced. */
  onRestart?: (reason: string) => void;
}

interface Seat {
  slot: Slot;
  state: "starting" | "idle" | "busy";
  jobs: Job[];
  /** Deaths in a row without an answer in between. */
  deaths: number;
}

/** A worker that died with a job gets a successor that tries it once more; a second death is the job's fault. */
const ATTEMPTS = 2;

/** An inference within so many milliseconds proves that the workers answer. */
const PROOF_MS = 10_000;

/** Milliseconds that a probe waits for the next free worker and its answer. */
const PROBE_TIMEOUT_MS = 5_000;

const RESTART_DELAY_MS = { first: 50, most: 5_000 } as const;

// Official builds of ONNX Runtime >= 1.29 report each model and run to Microsoft unless this is set when they start
// (https://github.com/microsoft/onnxruntime/pull/27379). Here, because only the main thread changes what native code sees.
process.env.ORT_DISABLE_TELEMETRY = "1";

/**
 * A fixed number of inference threads behind one bounded queue. A job that comes alone runs on all processors; jobs that
 * come together run beside each other, on one each, which wastes nothing on sharing.
 */
export class Pool {
  #options: PoolOptions;
  #seats: Seat[] = [];
  #queue = new FairQueue<Job>();
  #batchTimer: NodeJS.Timeout | undefined;
  #provenAt = Number.NEGATIVE_INFINITY;
  #probe: Promise<boolean> | undefined;
  #closed = false;
  /** Version of ONNX Runtime that the workers run. */
  runtimeVersion = "";

  private constructor(options: PoolOptions) {
    this.#options = options;
  }

  /**
   * Starts all workers and waits until each has loaded and run every model once.
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

  /** Number of jobs that wait for a worker. */
  get queueDepth(): number {
    return this.#queue.size;
  }

  /** Whether at least one worker takes jobs. */
  get available(): boolean {
    return this.#seats.some(({ state }) => state !== "starting");
  }

  /**
   * Finds objects in an encoded image.
   * @throws RequestError YOLO_QUEUE_FULL, YOLO_REQUEST_TIMEOUT, YOLO_INTERNAL, or what is wrong with the image
   */
  async detect(model: string, image: Uint8Array, options: DetectOptions, how: JobOptions): Promise<Findings> {
    return (await this.#submit(model, { type: "detect", image, options }, how)) as Findings;
  }

  /**
   * Runs a model on tensors and returns the outputs that were asked for, in that order.
   * @throws RequestError YOLO_QUEUE_FULL, YOLO_REQUEST_TIMEOUT, YOLO_INTERNAL, or what is wrong with the tensors
   */
  async infer(model: string, inputs: RawTensor[], outputs: readonly string[], how: JobOptions): Promise<RawTensor[]> {
    return (await this.#submit(model, { type: "infer", inputs, outputs }, how)) as RawTensor[];
  }

  /** Whether the workers still answer: true after a recent inference, else found out by one that passes the queue. */
  async answers(): Promise<boolean> {
    const proven = () => performance.now() - this.#provenAt < PROOF_MS;
    if (proven()) return true;
    this.#probe ??= this.#submit(this.#options.worker.models[0]?.name ?? "", { type: "probe" }, {})
      .then(() => true, proven)
      .finally(() => {
        this.#probe = undefined;
      });
    return this.#probe;
  }

  /** Ends all workers at once; what still waits or runs fails. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#batchTimer);
    for (const { slot } of this.#seats) slot.stop("the pool was closed");
    for (let job = this.#queue.take(); job !== undefined; job = this.#queue.take()) {
      job.reject(new RequestError("YOLO_NOT_READY"));
    }
  }

  async #submit(model: string, work: Work, how: JobOptions): Promise<unknown> {
    const probe = work.type === "probe";
    const idle = this.#seats.some(({ state }) => state === "idle");
    if (!probe && !idle && this.#queue.size >= this.#options.queueLimit) throw new RequestError("YOLO_QUEUE_FULL");
    const limit = probe ? PROBE_TIMEOUT_MS : this.#options.timeoutMs;
    const job = new Job(model, work, Math.min(how.timeoutMs ?? limit, limit), how, (given) =>
      this.#queue.remove(given),
    );
    if (job.settled) return job.promise;
    if (probe) this.#queue.pushFirst(job);
    else this.#queue.push(job);
    this.#dispatch();
    return job.promise;
  }

  #dispatch(late = false): void {
    for (const seat of this.#seats) {
      if (seat.state !== "idle") continue;
      if (this.#waitsForMore(late)) return;
      const first = this.#queue.take();
      if (first === undefined) return;
      seat.jobs = [first, ...this.#companions(first)];
      seat.state = "busy";
      const alone = this.#queue.size === 0 && this.#seats.every((other) => other === seat || other.state !== "busy");
      for (const job of seat.jobs) {
        job.attempts++;
        if (job.work.type !== "probe") this.#options.onWait?.((performance.now() - job.queuedAt) / 1000);
      }
      if (first.work.type === "detect") this.#options.onBatch?.(first.model, seat.jobs.length);
      seat.slot.run(taskOf(seat.jobs, first, alone));
    }
  }

  /** Whether fewer jobs wait than one run takes, and none has waited long enough; they are looked at again then. */
  #waitsForMore(late: boolean): boolean {
    const { maxBatch, maxBatchDelayMs } = this.#options;
    if (late || maxBatch === 1 || maxBatchDelayMs === 0 || this.#queue.size === 0 || this.#queue.size >= maxBatch)
      return false;
    this.#batchTimer ??= setTimeout(() => {
      this.#batchTimer = undefined;
      this.#dispatch(true);
    }, maxBatchDelayMs);
    return true;
  }

  /** Other images for the same run of the same model. */
  #companions({ model, work }: Job): Job[] {
    const jobs: Job[] = [];
    while (work.type === "detect" && jobs.length < this.#options.maxBatch - 1) {
      const job = this.#queue.take((other) => other.model === model && other.work.type === "detect");
      if (job === undefined) break;
      jobs.push(job);
    }
    return jobs;
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
        answered: (answer) => this.#answered(seat, answer),
        gone: (reason) => {
          if (!started) failed(reason);
          if (started && !this.#closed) this.#replace(seat, reason, open);
          else for (const job of seat.jobs) job.reject(new RequestError("YOLO_NOT_READY"));
        },
      });
    };
    const seat: Seat = { slot: open(), state: "starting", jobs: [], deaths: 0 };
    this.#seats.push(seat);
  }

  #answered(seat: Seat, answer: Answer): void {
    const jobs = seat.jobs.splice(0);
    seat.state = "idle";
    seat.deaths = 0;
    if (isProof(answer)) this.#provenAt = performance.now();
    // Before the answers are written: the worker must not wait for that.
    this.#dispatch();
    for (const [index, job] of jobs.entries()) if (!job.settled) settle(job, index, answer);
  }

  #replace(seat: Seat, reason: string, open: () => Slot): void {
    const jobs = seat.jobs.splice(0).filter(({ settled }) => !settled);
    seat.state = "starting";
    this.#options.onRestart?.(reason);
    for (const job of jobs.toReversed()) {
      if (job.attempts < ATTEMPTS) this.#queue.pushFirst(job);
      else job.reject(new RequestError("YOLO_INTERNAL", undefined, { cause: `two workers died with it: ${reason}` }));
    }
    this.#dispatch();
    const delay = Math.min(RESTART_DELAY_MS.first * 2 ** seat.deaths++, RESTART_DELAY_MS.most);
    setTimeout(() => {
      if (!this.#closed) seat.slot = open();
    }, delay).unref();
  }
}

function taskOf(jobs: readonly Job[], { model, work }: Job, wide: boolean): Task {
  if (work.type !== "detect") return { ...work, model, wide };
  const items = jobs.flatMap(({ work }) =>
    work.type === "detect" ? [{ image: work.image, options: work.options }] : [],
  );
  return { type: "detect", model, wide, items };
}

/** Whether an answer shows that the worker still runs models. */
function isProof(answer: Answer): boolean {
  return answer.type === "found" ? answer.items.some((item) => "findings" in item) : answer.type !== "failed";
}

function settle(job: Job, index: number, answer: Answer): void {
  if (answer.type === "failed") job.fail(answer.failure);
  else if (answer.type === "inferred") job.resolve(answer.outputs);
  else if (answer.type === "alive") job.resolve(undefined);
  else {
    const item = answer.items[index];
    if (item === undefined) job.reject(new RequestError("YOLO_INTERNAL", undefined, { cause: "a worker left it out" }));
    else if ("failure" in item) job.fail(item.failure);
    else job.resolve(item.findings);
  }
}

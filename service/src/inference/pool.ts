import { RequestError, StartError } from "../errors.ts";
import { isProof, settle, taskOf } from "./exchange.ts";
import { Job, type JobOptions, type Work } from "./job.ts";
import type { Answer, DetectOptions, Findings, RawTensor, WorkerOptions } from "./messages.ts";
import { observe } from "./observe.ts";
import { type PoolOptions, sizes } from "./options.ts";
import { FairQueue } from "./queue.ts";
import { Slot } from "./slot.ts";

/*
 * The words of this folder:
 *   worker  a thread with sessions of every model (worker.ts, runner.ts)
 *   slot    the main thread's end of one worker, until that ends (slot.ts)
 *   seat    a place for a worker in the pool; when its slot is gone it gets another one
 *   job     what a caller waits for: a look at one image, a run on tensors, or a sign of life (job.ts); its `work` says which
 *   queue   the jobs that no worker has begun, in lanes that are served in turn (queue.ts)
 *   task    what a worker is told to do: one job, or several that share a run, its batch (messages.ts); it gives one `answer`
 *   wide    a task that has the machine to itself runs on all threads, which only the first seat's worker can
 */

interface Seat {
  slot: Slot | undefined;
  worker: WorkerOptions;
  state: "starting" | "idle" | "busy";
  jobs: Job[];
  /** When its last task was handed to it, on the clock of `performance`. */
  begunAt: number;
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
 * come together run beside each other, on a share of them each, which wastes little on sharing.
 */
export class Pool {
  #options: PoolOptions;
  #seats: Seat[] = [];
  /** Slots whose threads never ended, if there were any. */
  #lost: Slot[] = [];
  /** Requests of which a job was let in: the others of it are not refused, because the work done would be lost. */
  #admitted = new WeakSet<object>();
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
   * Starts all workers and waits until each has loaded and run every model once; until then `signal` ends them.
   * @throws StartError when a worker cannot, or was ended
   */
  static async start(options: PoolOptions, signal?: AbortSignal): Promise<Pool> {
    signal?.throwIfAborted();
    const pool = new Pool(options);
    const close = () => pool.close();
    signal?.addEventListener("abort", close);
    try {
      const starts = sizes(options.workers, options.threads, options.worker.provider).map((threads) => {
        const worker = { ...options.worker, ...threads };
        return new Promise<void>((resolve, reject) => {
          pool.#seat(worker, resolve, (reason) => reject(new StartError(reason)));
        });
      });
      await Promise.all(starts);
    } catch (error) {
      pool.close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", close);
    }
    pool.#provenAt = performance.now();
    return pool;
  }

  /** Number of requests that wait for a worker. */
  get queueDepth(): number {
    return this.#queue.requests;
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
    const end = this.#options.onRun?.({ model, bytes: image.byteLength });
    return observe(
      this.#submit(model, { type: "detect", image, options }, how) as Promise<Findings>,
      end,
      (found) => found,
    );
  }

  /**
   * Runs a model on tensors and returns the outputs that were asked for, in that order.
   * @throws RequestError YOLO_QUEUE_FULL, YOLO_REQUEST_TIMEOUT, YOLO_INTERNAL, or what is wrong with the tensors
   */
  async infer(model: string, inputs: RawTensor[], outputs: readonly string[], how: JobOptions): Promise<RawTensor[]> {
    const end = this.#options.onRun?.({ model, bytes: inputs.reduce((sum, { data }) => sum + data.byteLength, 0) });
    return observe(this.#submit(model, { type: "infer", inputs, outputs }, how) as Promise<RawTensor[]>, end);
  }

  /**
   * Whether the workers still answer: true after a recent inference, else found out by one that passes the queue. False while
   * a thread hangs that cannot be ended, whose processor and memory only the end of the process gives back.
   */
  async answers(): Promise<boolean> {
    this.#lost = this.#lost.filter(({ lost }) => lost);
    if (this.#lost.length > 0) return false;
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
    for (const { slot } of this.#seats) slot?.stop("the pool was closed");
    for (let job = this.#queue.take(); job !== undefined; job = this.#queue.take()) {
      job.reject(new RequestError("YOLO_NOT_READY"));
    }
  }

  async #submit(model: string, work: Work, how: JobOptions): Promise<unknown> {
    const probe = work.type === "probe";
    if (!probe) this.#admit(how.request ?? {});
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

  /**
   * Lets a request in, or not: when all workers are busy and as many as allowed wait. Of those in the pool at most
   * `queueLimit` wait and each other one is being run, which bounds the bodies that are held.
   */
  #admit(request: object): void {
    if (this.#admitted.has(request)) return;
    const idle = this.#seats.some(({ state }) => state === "idle");
    if (!idle && this.#queue.requests >= this.#options.queueLimit) throw new RequestError("YOLO_QUEUE_FULL");
    this.#admitted.add(request);
  }

  /** Gives what waits to idle workers, to the first one first. */
  #dispatch(): void {
    for (const seat of this.#seats) {
      if (seat.state !== "idle") continue;
      if (this.#waitsForMore()) return;
      const first = this.#queue.take();
      if (first === undefined) return;
      seat.jobs = [first, ...this.#companions(first)];
      seat.state = "busy";
      seat.begunAt = performance.now();
      const alone = this.#queue.size === 0 && this.#seats.every((other) => other === seat || other.state !== "busy");
      const wide = alone && seat.worker.wideThreads !== undefined;
      for (const job of seat.jobs) {
        job.attempts++;
        if (job.work.type !== "probe") this.#options.onWait?.((performance.now() - job.queuedAt) / 1000);
      }
      if (first.work.type === "detect") this.#options.onBatch?.(first.model, seat.jobs.length);
      seat.slot?.run(taskOf(seat.jobs, first, wide));
    }
  }

  /** Whether an image is next, fewer jobs wait than one run takes, and none has waited long enough; it is looked at again then. */
  #waitsForMore(): boolean {
    const { maxBatch, maxBatchDelayMs } = this.#options;
    if (maxBatch === 1 || this.#queue.size >= maxBatch) return false;
    const heads = this.#queue.heads();
    if (heads[0]?.work.type !== "detect") return false;
    const oldest = Math.min(...heads.map(({ queuedAt }) => queuedAt));
    const left = maxBatchDelayMs - (performance.now() - oldest);
    if (left <= 0) return false;
    clearTimeout(this.#batchTimer);
    this.#batchTimer = setTimeout(() => this.#dispatch(), left);
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
  #seat(worker: WorkerOptions, ready: () => void, failed: (reason: string) => void): void {
    const seat: Seat = { slot: undefined, worker, state: "starting", jobs: [], begunAt: 0, deaths: 0 };
    this.#seats.push(seat);
    let started = false;
    const gone = (reason: string) => {
      if (seat.slot?.lost) this.#lost.push(seat.slot);
      seat.slot = undefined;
      if (!started) failed(reason);
      if (started && !this.#closed) this.#replace(seat, reason, open);
      else for (const job of seat.jobs) job.reject(new RequestError("YOLO_NOT_READY"));
    };
    const open = () => {
      try {
        seat.slot = new Slot(worker, {
          ready: (runtimeVersion) => {
            this.runtimeVersion = runtimeVersion;
            started = true;
            seat.state = "idle";
            ready();
            this.#dispatch();
          },
          answered: (answer) => this.#answered(seat, answer),
          gone,
        });
      } catch (error) {
        gone(`no thread could be started: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    open();
  }

  #answered(seat: Seat, answer: Answer): void {
    const jobs = seat.jobs.splice(0);
    seat.state = "idle";
    seat.deaths = 0;
    if (isProof(answer)) this.#provenAt = performance.now();
    const [job] = jobs;
    if (answer.type === "inferred" && job !== undefined) {
      this.#options.onInferred?.(job.model, (performance.now() - seat.begunAt) / 1000);
    }
    // Before the answers are written: the worker must not wait for that.
    this.#dispatch();
    for (const [index, job] of jobs.entries()) if (!job.settled) settle(job, index, answer);
  }

  #replace(seat: Seat, reason: string, open: () => void): void {
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
      if (!this.#closed) open();
    }, delay).unref();
  }
}

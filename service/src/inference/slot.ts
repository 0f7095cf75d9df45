import { Worker } from "node:worker_threads";
import type { Answer, Task, WorkerMessage, WorkerOptions } from "./messages.ts";
import { forbidCalls, initialCallState } from "./native-calls.ts";

/**
 * A worker busy with one task for this long is given up and replaced, in milliseconds. Far above what an image within the
 * limits takes (decode.ts gives up after 20 s), because a replacement costs other callers time.
 */
const STUCK_MS = 60_000;

/** A thread ends between two instructions of JavaScript: one still there so many milliseconds later hangs in native code. */
const LOST_MS = 10_000;

/** All slots of this process whose threads have not ended. */
const slots = new Set<Slot>();

/** Ends all threads and waits until they have ended: the end of the process would end them in the middle of a native call. */
export async function endThreads(): Promise<void> {
  const ended = [...slots].map((slot) => {
    slot.stop("the process ends");
    return slot.ended;
  });
  await Promise.all(ended);
}

/** What a slot reports to its pool. */
export interface SlotEvents {
  /** The worker is warm and waits for its first task. */
  ready(runtimeVersion: string): void;
  /** The answer to the task that was run last. */
  answered(answer: Answer): void;
  /** The worker is gone or lost, whatever the reason: nothing more is heard of it. */
  gone(reason: string): void;
}

/** One worker thread, from its start to its end. It ends by itself, or by `stop`; then a new slot replaces it. */
export class Slot {
  #worker: Worker;
  #events: SlotEvents;
  #reason = "it ended by itself";
  #timer: NodeJS.Timeout | undefined;
  #state: "running" | "ending" | "lost" | "ended" = "running";
  #callState = initialCallState();
  #ended = Promise.withResolvers<void>();

  /** @throws Error when the system gives no thread */
  constructor(options: WorkerOptions, events: SlotEvents) {
    this.#events = events;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: { options, callState: this.#callState },
    });
    slots.add(this);
    this.#worker.on("message", (message: WorkerMessage) => {
      if (this.#state !== "running") return;
      if (message.type === "ready") return events.ready(message.runtimeVersion);
      if (message.type === "refused") return this.stop(message.message);
      clearTimeout(this.#timer);
      events.answered(message);
    });
    // An `exit` follows each `error`; it alone is acted upon.
    this.#worker.on("error", (error) => {
      this.#reason = error instanceof Error ? error.message : String(error);
    });
    this.#worker.on("exit", () => this.#leave("ended"));
  }

  /** Whether the thread was told to end and cannot, so that its memory and its processor stay taken. */
  get lost(): boolean {
    return this.#state === "lost";
  }

  /** Resolves when the thread has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Hands a task to the worker, which must be idle. */
  run(task: Task): void {
    this.#after(STUCK_MS, () => this.stop(`it did not answer within ${STUCK_MS} ms`));
    this.#worker.postMessage(task);
  }

  /** Ends the thread, once it is outside native code. */
  stop(reason: string): void {
    if (this.#state !== "running") return;
    this.#state = "ending";
    this.#reason = reason;
    this.#after(LOST_MS, () => this.#leave("lost"));
    if (forbidCalls(this.#callState)) void this.#worker.terminate();
  }

  #leave(state: "lost" | "ended"): void {
    clearTimeout(this.#timer);
    const before = this.#state;
    this.#state = state;
    if (state === "ended") {
      slots.delete(this);
      this.#ended.resolve();
    }
    if (before === "running" || before === "ending") this.#events.gone(this.#reason);
  }

  #after(milliseconds: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, milliseconds);
    this.#timer.unref();
  }
}

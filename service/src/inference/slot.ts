import { Worker } from "node:worker_threads";
import type { Answer, Task, WorkerMessage, WorkerOptions } from "./messages.ts";

/**
 * A worker busy with one task for this long is given up and replaced, in milliseconds. Far above what any image
 * within the limits takes, because a replacement costs other callers time.
 */
const STUCK_MS = 60_000;

/** What a slot reports to its pool. */
export interface SlotEvents {
  /** The worker is warm and waits for its first task. */
  ready(runtimeVersion: string): void;
  /** The answer to the task that was run last. */
  answered(answer: Answer): void;
  /** The worker is gone, whatever the reason. */
  gone(reason: string): void;
}

/** One worker thread, from its start to its end. It ends by itself, or by `stop`; then a new slot replaces it. */
export class Slot {
  #worker: Worker;
  #reason = "it ended by itself";
  #watchdog: NodeJS.Timeout | undefined;

  constructor(options: WorkerOptions, events: SlotEvents) {
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: options });
    this.#worker.on("message", (message: WorkerMessage) => {
      if (message.type === "ready") return events.ready(message.runtimeVersion);
      if (message.type === "refused") return this.stop(message.message);
      clearTimeout(this.#watchdog);
      events.answered(message);
    });
    // An `exit` follows each `error`; it alone is acted upon.
    this.#worker.on("error", (error) => {
      this.#reason = error instanceof Error ? error.message : String(error);
    });
    this.#worker.on("exit", () => {
      clearTimeout(this.#watchdog);
      events.gone(this.#reason);
    });
  }

  /** Hands a task to the worker, which must be idle. */
  run(task: Task): void {
    this.#watchdog = setTimeout(() => this.stop(`it did not answer within ${STUCK_MS} ms`), STUCK_MS);
    this.#watchdog.unref();
    this.#worker.postMessage(task);
  }

  /** Ends the thread. */
  stop(reason: string): void {
    this.#reason = reason;
    void this.#worker.terminate();
  }
}

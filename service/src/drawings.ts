import type { Detection } from "../contract.ts";
import { annotate } from "./annotate.ts";
import { RequestError } from "./errors.ts";

/** Drawings that may wait for the one that is being made; one more is refused. */
export const MOST_WAITING_DRAWINGS = 16;

/** How long a drawing may take, and for whom it is. */
export interface DrawingOptions {
  /** Aborts when the caller is gone. */
  signal: AbortSignal;
  /** Milliseconds; throws when there are none. */
  timeLeft(): number;
  /** Is told how many seconds the drawing took, without its waiting. */
  onDrawn?(seconds: number): void;
}

/**
 * Draws one photo at a time: a large one takes hundreds of MiB and, on threads of libvips' own, all processors. Others wait,
 * a bounded number of them.
 */
export class Drawings {
  #waiting: (() => void)[] = [];
  #busy = false;
  #draw: typeof annotate;

  constructor(draw: typeof annotate = annotate) {
    this.#draw = draw;
  }

  /**
   * Draws what was found onto a photo.
   * @returns a JPEG
   * @throws RequestError YOLO_QUEUE_FULL, YOLO_REQUEST_TIMEOUT, or why the caller is gone
   */
  async draw(photo: Uint8Array, detections: readonly Detection[], how: DrawingOptions): Promise<Buffer> {
    await this.#turn(how);
    return within(this.#make(photo, detections, how), how);
  }

  async #turn(how: DrawingOptions): Promise<void> {
    if (!this.#busy) {
      this.#busy = true;
      return;
    }
    if (this.#waiting.length >= MOST_WAITING_DRAWINGS) {
      const message = `Expected at most ${MOST_WAITING_DRAWINGS} drawings to wait; try again later, or accept application/json.`;
      throw new RequestError("YOLO_QUEUE_FULL", message);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    try {
      await within(promise, how);
    } catch (error) {
      const place = this.#waiting.indexOf(resolve);
      // Its turn may have come in the same moment.
      if (place < 0) this.#release();
      else this.#waiting.splice(place, 1);
      throw error;
    }
  }

  /** Ends its turn only when the memory is free again, which may be after its caller was answered. */
  async #make(photo: Uint8Array, detections: readonly Detection[], how: DrawingOptions): Promise<Buffer> {
    const begun = performance.now();
    try {
      how.signal.throwIfAborted();
      const drawn = await this.#draw(photo, detections, Math.ceil(how.timeLeft() / 1000));
      how.onDrawn?.((performance.now() - begun) / 1000);
      return drawn;
    } finally {
      this.#release();
    }
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#busy = false;
    else next();
  }
}

/** Waits for work no longer than its caller does. */
async function within<Result>(work: Promise<Result>, { signal, timeLeft }: DrawingOptions): Promise<Result> {
  const over = Promise.withResolvers<never>();
  const leave = () => over.reject(signal.reason);
  // What it still ends with is dropped.
  work.catch(() => {});
  signal.throwIfAborted();
  const timer = setTimeout(() => over.reject(new RequestError("YOLO_REQUEST_TIMEOUT")), timeLeft());
  signal.addEventListener("abort", leave);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
  }
}

import { workerData } from "node:worker_threads";

/*
 * ONNX Runtime's binding aborts the whole process, with "terminate called after throwing an instance of 'Napi::Error'", when its
 * thread is ended in the middle of a call: what the call returns can no longer be made
 * (https://github.com/daintreehq/daintree/issues/12577 has the stack). A thread and who ends it therefore share one word of
 * memory, and a thread that is inside a call ends itself when the call returns.
 */

/** The word that a thread shares with who may end it. */
export type CallState = Int32Array<SharedArrayBuffer>;

const OUTSIDE = 0;
const INSIDE = 1;
const FORBIDDEN = 2;

/** The state of a thread that is about to start: it loads the binding, which counts as a call. */
export function initialCallState(): CallState {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)).fill(INSIDE);
}

/**
 * Forbids a thread any further call, from outside.
 * @returns whether it may be terminated now; if not, it is inside a call and ends by itself after it
 */
export function forbidCalls(state: CallState): boolean {
  return Atomics.exchange(state, 0, FORBIDDEN) === OUTSIDE;
}

/** The state of this thread; the main thread has none, and ends with the process. */
const own = (workerData as { callState?: CallState } | null)?.callState;

/** Makes a call into the binding, one at a time in a thread; ends the thread instead, before or after it, when calls are forbidden. */
export async function callNative<T>(call: () => Promise<T>): Promise<T> {
  if (own !== undefined && Atomics.compareExchange(own, 0, OUTSIDE, INSIDE) === FORBIDDEN) process.exit();
  try {
    return await call();
  } finally {
    leaveNative();
  }
}

/** Says that the binding is loaded. */
export function leaveNative(): void {
  if (own !== undefined && Atomics.compareExchange(own, 0, INSIDE, OUTSIDE) === FORBIDDEN) process.exit();
}

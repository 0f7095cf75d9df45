import type { Speed } from "../../contract.ts";
import type { ErrorCode } from "../errors.ts";
import type { Selection } from "../vision/nms.ts";

/** What a worker thread is started with. */
export interface WorkerOptions {
  modelPath: string;
  modelSha256: string;
  /** ONNX Runtime threads of the worker's session. */
  threads: number;
  /** Largest image in pixels. */
  pixelLimit: number;
}

/** One image to look at; the main thread sends the next only after the answer to the last. */
export interface Task {
  /** The encoded image; missing for a probe, which runs the model on a grey image. */
  image?: Uint8Array;
  selection: Selection;
}

/** What was found in one image. */
export interface Findings {
  /** `DETECTION_SIZE` numbers per detection, in pixels of the image. */
  detections: Float32Array;
  /** Size of the upright image in pixels. */
  width: number;
  height: number;
  speed: Speed;
}

/** Everything that a worker tells the main thread: once `ready` or `refused`, then one answer per task. */
export type WorkerMessage =
  | { type: "ready"; runtimeVersion: string }
  | { type: "refused"; message: string }
  | { type: "found"; findings: Findings }
  | { type: "failed"; code: ErrorCode; message: string; detail?: string };

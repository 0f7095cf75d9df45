import type { Speed, TaskName } from "../../contract.ts";
import type { ErrorCode } from "../errors.ts";
import type { ModelFile } from "../model/model.ts";

/** Execution providers of ONNX Runtime that the service can use. */
export type ProviderName = "cpu" | "cuda" | "tensorrt";

/** What a worker thread is started with. */
export interface WorkerOptions {
  models: readonly ModelFile[];
  provider: ProviderName;
  /** ONNX Runtime threads of a run beside those of other workers. */
  threads: number;
  /** ONNX Runtime threads of a run that has the machine to itself; missing where another worker takes those runs. */
  wideThreads?: number;
  /** Largest image in pixels. */
  pixelLimit: number;
}

/** What a caller wants to see of the model's findings. */
export interface Selection {
  /** Lowest confidence, exclusive, 0 to 1. */
  conf: number;
  /** Two boxes of one class that overlap by more than this share are one object, 0 to 1. */
  iou: number;
  /** Largest number of detections. */
  maxDet: number;
  /** Class indices to keep; all when missing. */
  classes?: readonly number[];
}

/** How an image is prepared and read. */
export interface DetectOptions extends Selection {
  /** Longer side of the model's input in pixels; for models of dynamic size only. The model's own when missing. */
  imgsz?: number;
  /** `exact` scales as OpenCV does, bit for bit; `fast` lets the decoder make large photos smaller first. */
  resize: "exact" | "fast";
  /** Whether masks are wanted as run lengths beside their outlines. */
  runLengths?: boolean;
}

/** A tensor in the types and names of the Open Inference Protocol, its numbers in row-major little-endian bytes. */
export interface RawTensor {
  name: string;
  datatype: "FP32" | "FP16" | "UINT8" | "INT32" | "INT64" | "BOOL";
  shape: number[];
  data: Uint8Array;
}

/** An encoded image, and what is wanted to know about it. */
export interface ImageTask {
  image: Uint8Array;
  options: DetectOptions;
}

/** One piece of work; the main thread sends the next only after the answer to the last. */
export type Task = {
  /** Name of the model. */
  model: string;
  /** Whether the run has the machine to itself and may use all threads. */
  wide: boolean;
} & (
  | { type: "detect"; items: ImageTask[] }
  | { type: "infer"; inputs: RawTensor[]; outputs: readonly string[] }
  /** Runs the model on a grey image, to see that it still answers. */
  | { type: "probe" }
);

/** The mask of one object. */
export interface Mask {
  /** Outline of the largest part as x, y, x, y ... in pixels of the image. */
  outline: Float32Array;
  /** COCO's compressed run lengths over the whole image, where they were asked for. */
  counts?: string;
}

/** What was found in one image. */
export interface Findings {
  task: TaskName;
  /**
   * `columns` numbers per object, best first, coordinates in pixels of the image:
   * detect, segment: x1, y1, x2, y2, confidence, class; pose: the same, then x, y, visibility of each keypoint;
   * obb: centre x, centre y, width, height, confidence, class, angle in radians; classify: confidence, class.
   */
  rows: Float32Array;
  columns: number;
  /** `segment`: one for each object. */
  masks?: Mask[];
  /** Size of the upright image in pixels. */
  width: number;
  height: number;
  speed: Speed;
}

/** Why there is no answer; `detail` is for the log only. */
export interface Failure {
  code: ErrorCode;
  message: string;
  detail?: string;
}

/** What a worker answers to one task; to `detect` one finding or failure for each image. */
export type Answer =
  | { type: "found"; items: ({ findings: Findings } | { failure: Failure })[] }
  | { type: "inferred"; outputs: RawTensor[] }
  | { type: "alive" }
  | { type: "failed"; failure: Failure };

/** Everything that a worker tells the main thread: once `ready` or `refused`, then one answer per task. */
export type WorkerMessage = { type: "ready"; runtimeVersion: string } | { type: "refused"; message: string } | Answer;

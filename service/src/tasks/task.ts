import type { DetectOptions, Findings } from "../inference/messages.ts";
import type { Model } from "../model/layout.ts";
import type { Fit } from "../vision/boxes.ts";
import { type Head, selectFinished, selectRaw } from "../vision/nms.ts";

/** What a model computed of one image, in float32, and how the image lay in its input. */
export interface Computed {
  model: Model;
  head: Head;
  fit: Fit;
  options: DetectOptions;
  /** `segment`: prototypes of the masks, `[channels, height, width]`. */
  prototypes?: Prototypes;
}

/** Images that masks are sums of. */
export interface Prototypes {
  data: Float32Array;
  channels: number;
  height: number;
  width: number;
}

/** What a task reads from an output. */
export type Found = Pick<Findings, "rows" | "columns" | "masks">;

/** Rows of x1, y1, x2, y2, confidence, class and the extra numbers, in pixels of the model's input, best first. */
export function selectObjects({ model, head, options }: Computed): Float32Array {
  return model.layout === "raw" ? selectRaw(head, options) : selectFinished(head, options);
}

import type { CallOptions } from "./transport.ts";

/** What is wanted to know about an image; the service has a default for each (docs/api.md). */
export interface PredictOptions {
  /** Lowest confidence, 0.01 to 1. */
  conf?: number | undefined;
  /** Overlap from which two boxes of one class are one object, 0 to 0.95. */
  iou?: number | undefined;
  /** Longer side of the model's input in pixels, for models of dynamic size. */
  imgsz?: number | undefined;
  /** Most objects, 1 to 300. */
  maxDet?: number | undefined;
  /** Indices of the classes to keep. */
  classes?: readonly number[] | undefined;
  /** Coordinates as shares of the image's width and height. */
  normalize?: boolean | undefined;
  /** Decimals of coordinates and confidences, 0 to 10. */
  decimals?: number | undefined;
  /** For models of task segment: `rle` adds run lengths to outlines. */
  masks?: "polygon" | "rle" | undefined;
  /** Name of the model. */
  model?: string | undefined;
}

/** `PredictOptions` with what belongs to the call alone. */
export interface PredictCall extends PredictOptions, CallOptions {}

/** The options as the parameters of a request. */
export function toQuery({ maxDet, classes, ...others }: PredictOptions): URLSearchParams {
  const { conf, iou, imgsz, normalize, decimals, masks, model } = others;
  const values = { conf, iou, imgsz, max_det: maxDet, classes: classes?.join(","), normalize, decimals, masks, model };
  const given = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return new URLSearchParams(given);
}

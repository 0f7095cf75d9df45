import type { StartError } from "../errors.ts";
import { describe, parseIntegers, quote, type TensorInfo } from "./metadata.ts";

/** How a model takes an image. */
export interface ModelInput {
  /** Name of the graph's input. */
  input: string;
  /** uint8 is `[batch, height, width, 3]` from 0 to 255; the others are planes `[batch, 3, height, width]` from 0 to 1. */
  inputType: "float32" | "float16" | "uint8";
  /** Size of the model's input in pixels; for a dynamic model the one it was exported for. */
  width: number;
  height: number;
  /** Multiple that the size of a dynamic model's input must be of, in pixels; undefined for a model of fixed size. */
  stride?: number;
  /** Images that each run takes; undefined where it varies. */
  batch?: number;
}

/** The stride of all Ultralytics models that write none. */
const DEFAULT_STRIDE = 32;

/** Larger inputs than this are refused; the Ultralytics Platform allows 1280. */
const LARGEST_INPUT = 4096;

/** More images per run than this are refused: the whole batch is computed even for one image. */
const LARGEST_BATCH = 128;

/**
 * Reads how a model takes images from its input's shape, and from its metadata where the shape varies.
 * @throws what `refuse` makes of an input that is not supported
 */
export function inputOf(
  input: TensorInfo,
  metadata: ReadonlyMap<string, string>,
  refuse: (expected: string, found: string) => StartError,
): ModelInput {
  const { name, type, shape } = input;
  const bytes = type === "uint8";
  const [batch, channels, height, width] = bytes ? [shape[0], shape[3], shape[1], shape[2]] : shape;
  const batchFits = typeof batch === "string" || (batch !== undefined && batch >= 1 && batch <= LARGEST_BATCH);
  if ((type !== "float32" && type !== "float16" && !bytes) || shape.length !== 4 || channels !== 3 || !batchFits)
    throw refuse("a float32 or float16 input of shape [batch, 3, height, width]", describe([input]));
  const size = sizeOf(height, width, metadata);
  if (size === undefined)
    throw refuse(
      `the input's size, up to ${LARGEST_INPUT}, in its shape or as imgsz`,
      `${describe([input])}, imgsz ${quote(metadata.get("imgsz"))}`,
    );
  if (metadata.get("task") === "classify" && size.height !== size.width)
    throw refuse("a square input for classify", describe([input]));
  return { input: name, inputType: type, ...size, ...(typeof batch === "number" ? { batch } : {}) };
}

type Dimension = number | string | undefined;

function sizeOf(height: Dimension, width: Dimension, metadata: ReadonlyMap<string, string>) {
  const allowed = (value: Dimension): value is number =>
    typeof value === "number" && value >= 1 && value <= LARGEST_INPUT;
  if (typeof height === "number" && typeof width === "number")
    return allowed(height) && allowed(width) ? { height, width } : undefined;
  const imgsz = parseIntegers(metadata.get("imgsz") ?? "");
  const stride = parseIntegers(metadata.get("stride") ?? "")?.at(0) ?? DEFAULT_STRIDE;
  const dynamicHeight = typeof height === "number" ? height : imgsz?.[0];
  const dynamicWidth = typeof width === "number" ? width : (imgsz?.[1] ?? imgsz?.[0]);
  if (!allowed(dynamicHeight) || !allowed(dynamicWidth) || !allowed(stride)) return undefined;
  const bothVary = typeof height !== "number" && typeof width !== "number";
  return { height: dynamicHeight, width: dynamicWidth, ...(bothVary ? { stride } : {}) };
}

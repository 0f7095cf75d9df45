import type { Model } from "../model/layout.ts";
import type { Fit } from "../vision/boxes.ts";
import { cropSquare, scaledSize } from "../vision/crop.ts";
import { decodeImage } from "../vision/decode.ts";
import { fitImage, letterboxPixels, letterboxPlanes, type Placed, type RgbImage } from "../vision/letterbox.ts";
import type { DetectOptions } from "./messages.ts";
import type { TypedTensor } from "./tensors.ts";

/** A decoded image on its way into the model's input, and how it will lie there. */
export interface Prepared extends Placed {
  options: DetectOptions;
  /** Milliseconds that it took so far. */
  preprocess: number;
}

/**
 * Decodes an image, or takes its pixels, and decides how it will lie in the model's input.
 * @throws RequestError YOLO_IMAGE_UNREADABLE, or YOLO_IMAGE_TOO_LARGE above `pixelLimit` pixels
 */
export async function prepareImage(
  model: Model,
  image: Uint8Array | RgbImage,
  options: DetectOptions,
  pixelLimit: number,
): Promise<Prepared> {
  const start = performance.now();
  const size = inputSize(model, options);
  const place = (width: number, height: number): Fit => {
    if (model.task !== "classify") return fitImage(width, height, size, model.stride);
    const inner = { inputWidth: size.width, inputHeight: size.height, left: 0, top: 0 };
    return { width, height, ...scaledSize(width, height, size.width), ...inner };
  };
  if (!(image instanceof Uint8Array)) {
    const fit = place(image.width, image.height);
    return { image, fit, options, preprocess: performance.now() - start };
  }
  const decoded = await decodeImage(image, pixelLimit, options.resize === "fast" ? place : undefined);
  const fit = place(decoded.sentWidth, decoded.sentHeight);
  return { image: decoded, fit, options, preprocess: performance.now() - start };
}

/** The model's own size, or for a dynamic model the one that is asked for, in multiples of its stride. */
function inputSize({ width, height, stride }: Model, { imgsz }: DetectOptions): { width: number; height: number } {
  if (stride === undefined || imgsz === undefined) return { width, height };
  const side = Math.ceil(imgsz / stride) * stride;
  return { width: side, height: side };
}

/**
 * Writes images whose inputs have one size into a model's input; what a fixed batch has room for beyond them is zero. The
 * memory is overwritten by the next call.
 */
export function fillInput({ batch, inputType, task }: Model, images: readonly Prepared[]): TypedTensor {
  const { inputWidth: width = 0, inputHeight: height = 0 } = images[0]?.fit ?? {};
  const count = batch ?? images.length;
  const placed = task === "classify" ? images.map(cropped) : images;
  if (inputType === "uint8")
    return { type: "uint8", data: letterboxPixels(placed, count), dims: [count, height, width, 3] };
  const data = letterboxPlanes(placed, count);
  const dims = [count, 3, height, width];
  return inputType === "float32" ? { type: "float32", data, dims } : { type: "float16", data: halved(data), dims };
}

let halves = new Float16Array(0);

/** The same numbers in half precision, in memory that is kept. */
function halved(values: Float32Array): Float16Array {
  if (halves.length < values.length) halves = new Float16Array(values.length);
  halves.set(values);
  return halves.subarray(0, values.length);
}

/** The middle of an image for classify, which fills the model's input. */
function cropped({ image, fit }: Prepared): Placed {
  const { inputWidth: width, inputHeight: height } = fit;
  const whole = { width, height, scaledWidth: width, scaledHeight: height, left: 0, top: 0 };
  const data = cropSquare(image, width, fit);
  return { image: { data, width, height }, fit: { ...whole, inputWidth: width, inputHeight: height } };
}

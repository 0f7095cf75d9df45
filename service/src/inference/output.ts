import type { TaskName } from "../../contract.ts";
import type { Model } from "../model/layout.ts";
import { readClassify } from "../tasks/classify.ts";
import { readDetect } from "../tasks/detect.ts";
import { readObb } from "../tasks/obb.ts";
import { readPose } from "../tasks/pose.ts";
import { readSegment } from "../tasks/segment.ts";
import type { Computed, Found, Prototypes } from "../tasks/task.ts";
import { DETECTION_SIZE } from "../vision/boxes.ts";
import type { Prepared } from "./input.ts";
import { toFloat32 } from "./tensors.ts";

const READERS: Readonly<Record<TaskName, (computed: Computed) => Found>> = {
  detect: readDetect,
  segment: readSegment,
  pose: readPose,
  obb: readObb,
  classify: readClassify,
};

/** An output of ONNX Runtime. */
interface Output {
  data: unknown;
  dims: readonly number[];
}

/**
 * Reads what a run found in its image number `index`.
 * @throws Error when an output has another shape than the model's layout
 */
export function readOutputs(
  model: Model,
  outputs: Readonly<Record<string, Output>>,
  index: number,
  { fit, options }: Prepared,
): Found {
  const output = outputs[model.output];
  if (output === undefined || !hasLayout(model, output.dims))
    throw new Error(`expected a ${model.layout} output for ${model.task} but received [${output?.dims}]`);
  const best = model.best === undefined ? undefined : outputs[model.best];
  const head = {
    data: partOf(output, index),
    classes: model.names.length,
    extra: model.extra,
    ...(best === undefined ? {} : { best: partOf(best, index) }),
  };
  const prototypes = model.prototypes === undefined ? {} : { prototypes: prototypesOf(model, outputs, index) };
  return READERS[model.task]({ model, head, fit, options, ...prototypes });
}

function hasLayout({ layout, names, extra }: Model, dims: readonly number[]): boolean {
  const [, rows, columns] = dims;
  if (layout === "scores") return dims.length === 2 && rows === names.length;
  if (dims.length !== 3) return false;
  return layout === "raw" ? rows === 4 + names.length + extra : columns === DETECTION_SIZE + extra;
}

function prototypesOf(model: Model, outputs: Readonly<Record<string, Output>>, index: number): Prototypes {
  const output = outputs[model.prototypes ?? ""];
  const [, channels, height, width] = output?.dims ?? [];
  if (output?.dims.length !== 4 || channels !== model.extra || height === undefined || width === undefined)
    throw new Error(`expected ${model.extra} prototypes of masks but received [${output?.dims}]`);
  return { data: partOf(output, index), channels, height, width };
}

/** The numbers of one image of a batch. */
function partOf({ data, dims }: Output, index: number): Float32Array {
  const size = dims.slice(1).reduce((product, length) => product * length, 1);
  const all = data as { subarray(start: number, end: number): unknown };
  return toFloat32(all.subarray(index * size, (index + 1) * size));
}

import type { TaskName } from "../../contract.ts";
import { StartError } from "../errors.ts";
import { inputOf, type ModelInput } from "./input.ts";
import {
  describe,
  type ElementType,
  type OnnxFile,
  parseIntegers,
  parseNames,
  quote,
  type TensorInfo,
} from "./metadata.ts";

/**
 * How a model lays out what it found: a raw head `[batch, 4 + classes + extra, anchors]`; finished objects
 * `[batch, n, 6 + extra]`, from an end-to-end head or from suppression inside the export; or a score per class.
 * `extra` is 32 mask coefficients, the numbers of the keypoints, or an angle.
 */
export type Layout = "raw" | "end-to-end" | "scores";

/** An input or output as the graph declares it; a dimension that varies is -1. */
export interface TensorSpec {
  name: string;
  type: ElementType;
  shape: number[];
}

/** Everything that must be known about a model to run it. */
export interface Model extends ModelInput {
  task: TaskName;
  layout: Layout;
  /** Class names by index. */
  names: string[];
  /** All inputs and outputs of the graph, in its order. */
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  /** Name of the output that holds what was found. */
  output: string;
  /** Name of an output that `prepareGraph` adds: the best score of each anchor, `[batch, anchors]`. */
  best?: string;
  /** `segment`: name of the output that holds the prototypes of the masks, `[batch, 32, height / 4, width / 4]`. */
  prototypes?: string;
  /** Numbers per object beside its box and its classes. */
  extra: number;
  /** `pose`: keypoints per object, and the numbers of each: x, y and mostly a visibility. */
  keypoints?: { count: number; size: 2 | 3 };
}

const TASKS: readonly TaskName[] = ["detect", "segment", "pose", "obb", "classify"];

const SUPPORTED =
  "Supported are ONNX exports of Ultralytics models, with their metadata, float32 or float16: tasks detect, segment, pose, " +
  "obb and classify; raw heads [batch, 4 + classes + extra, anchors] and finished objects [batch, n, 6 + extra].";

/**
 * Decides from metadata and shapes, never from the file's name, how to feed a model and read its output.
 * @throws StartError that says what was found and what is supported
 */
export function describeModel({ inputs, outputs, metadata }: OnnxFile): Model {
  const input = inputs[0];
  const output = outputs[0];
  if (input === undefined || inputs.length > 1 || output === undefined) {
    throw refusal("a model with one input and an output", `${describe(inputs)} -> ${describe(outputs)}`);
  }
  const given = metadata.get("task");
  const task = TASKS.find((name) => name === given);
  if (task === undefined) {
    const found = given === undefined ? "no task in its metadata" : `task ${quote(given)}`;
    throw refusal(`a model of task ${TASKS.join(", ")}`, found);
  }
  const names = parseNames(metadata.get("names") ?? "");
  if (names === undefined) throw refusal("class names in the model's metadata", quote(metadata.get("names")));
  return {
    task,
    names,
    inputs: inputs.map(specOf),
    outputs: outputs.map(specOf),
    ...inputOf(input, metadata, refusal),
    ...outputOf(task, names.length, outputs, metadata),
  };
}

type Output = Pick<Model, "layout" | "output" | "prototypes" | "extra" | "keypoints">;

function outputOf(
  task: TaskName,
  classes: number,
  outputs: readonly TensorInfo[],
  metadata: ReadonlyMap<string, string>,
): Output {
  // The exporter puts what was found first, and prototypes, the only output of four dimensions, after it.
  const output = outputs.find(({ shape }) => shape.length === (task === "classify" ? 2 : 3));
  const about = `${describe(outputs)} with ${classes} class names and end2end ${quote(metadata.get("end2end"))}`;
  if (output === undefined || !isFloat(output)) throw refusal(`an output for ${task}`, about);
  if (task === "classify") {
    if (!fits(output.shape[1], classes)) throw refusal(`scores of shape [batch, ${classes}]`, about);
    return { layout: "scores", output: output.name, extra: 0 };
  }
  const more = extraOf(task, outputs, metadata, about);
  const layout = layoutOf(output, classes, more.extra, metadata);
  if (layout === undefined) {
    throw refusal(
      `an output of shape [batch, ${4 + classes + more.extra}, anchors] or [batch, n, ${6 + more.extra}]`,
      about,
    );
  }
  return { layout, output: output.name, ...more };
}

/** What a task gives per object beside box and class. */
function extraOf(
  task: TaskName,
  outputs: readonly TensorInfo[],
  metadata: ReadonlyMap<string, string>,
  about: string,
): Pick<Model, "prototypes" | "extra" | "keypoints"> {
  if (task === "obb") return { extra: 1 };
  if (task === "pose") {
    const [count = 0, size, ...rest] = parseIntegers(metadata.get("kpt_shape") ?? "") ?? [];
    if (count < 1 || (size !== 2 && size !== 3) || rest.length > 0)
      throw refusal("kpt_shape [keypoints, 2 or 3] in the model's metadata", quote(metadata.get("kpt_shape")));
    return { extra: count * size, keypoints: { count, size } };
  }
  if (task === "segment") {
    const prototypes = outputs.find(({ shape }) => shape.length === 4);
    const channels = prototypes?.shape[1];
    if (prototypes === undefined || typeof channels !== "number" || !isFloat(prototypes))
      throw refusal("a second output with prototypes of masks [batch, 32, height / 4, width / 4]", about);
    return { extra: channels, prototypes: prototypes.name };
  }
  return { extra: 0 };
}

function layoutOf(
  { shape }: TensorInfo,
  classes: number,
  extra: number,
  metadata: ReadonlyMap<string, string>,
): Layout | undefined {
  const [, rows, columns] = shape;
  // Exports with suppression inside say end2end False, or nothing, but have the columns of finished objects.
  if (columns === 6 + extra) return "end-to-end";
  const finished = metadata.get("end2end") === "True" || /'nms': True\b/.test(metadata.get("args") ?? "");
  if (finished) return typeof columns === "number" ? undefined : "end-to-end";
  return fits(rows, 4 + classes + extra) ? "raw" : undefined;
}

const isFloat = ({ type }: TensorInfo) => type === "float32" || type === "float16";

/** Whether a dimension has a value, or one that only a run will tell. */
const fits = (dimension: number | string | undefined, value: number) =>
  typeof dimension === "number" ? dimension === value : dimension !== undefined;

function specOf({ name, type, shape }: TensorInfo): TensorSpec {
  return { name, type, shape: shape.map((size) => (typeof size === "number" && size >= 0 ? size : -1)) };
}

function refusal(expected: string, found: string): StartError {
  return new StartError(`Expected ${expected} but found ${found}. ${SUPPORTED}`);
}

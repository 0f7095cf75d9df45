import { StartError } from "../errors.ts";
import { type OnnxFile, parseIntegers, parseNames, type TensorInfo } from "./metadata.ts";

/** How a model lays out what it found: a raw head `[1, 4 + classes, anchors]`, or finished detections `[1, n, 6]`. */
export type Layout = "raw" | "end-to-end";

/** Everything that must be known about a detector to run it. */
export interface Model {
  layout: Layout;
  /** Class names by index. */
  names: string[];
  /** Name of the graph's input and of the output that holds the detections. */
  input: string;
  output: string;
  /** Size of the model's input in pixels; for a dynamic model the largest. */
  width: number;
  height: number;
  /** Multiple that the size of a dynamic model's input must be of, in pixels; undefined for a model of fixed size. */
  stride?: number;
}

const SUPPORTED =
  "Supported are ONNX exports of Ultralytics detection models (task detect, float32, batch 1, with their metadata): raw heads " +
  "[1, 4 + classes, anchors] and end-to-end outputs [1, n, 6].";
const FLOAT32 = 1;

/** The stride of all Ultralytics detectors that write none. */
const DEFAULT_STRIDE = 32;

/** Larger inputs than this are refused; the Ultralytics Platform allows 1280. */
const LARGEST_INPUT = 4096;

/**
 * Decides from metadata and shapes, never from the file's name, how to feed a model and read its output.
 * @throws StartError that says what was found and what is supported
 */
export function describeModel({ inputs, outputs, metadata }: OnnxFile): Model {
  const input = inputs[0];
  const output = outputs[0];
  const refuse = (expected: string, found: string) =>
    new StartError(`Expected ${expected} but found ${found}. ${SUPPORTED}`);
  if (input === undefined || inputs.length > 1 || output === undefined) {
    throw refuse("a model with one input and an output", `${describe(inputs)} -> ${describe(outputs)}`);
  }
  const task = metadata.get("task");
  if (task !== "detect")
    throw refuse("a model of task detect", task === undefined ? "no task in its metadata" : `task ${task}`);
  const names = parseNames(metadata.get("names") ?? "");
  if (names === undefined) throw refuse("class names in the model's metadata", quote(metadata.get("names")));
  const [batch, channels] = input.shape;
  const fixedBatch = typeof batch === "number" && batch !== 1;
  if (input.elementType !== FLOAT32 || input.shape.length !== 4 || channels !== 3 || fixedBatch) {
    throw refuse("a float32 input of shape [1, 3, height, width]", describe([input]));
  }
  const layout = outputLayout(output, names.length, metadata.get("end2end"));
  if (layout === undefined) {
    const found = `${describe([output])} with ${names.length} class names and end2end ${quote(metadata.get("end2end"))}`;
    throw refuse(`an output of shape [1, ${4 + names.length}, anchors] or [1, n, 6]`, found);
  }
  const size = inputSize(input, metadata);
  if (size === undefined)
    throw refuse(
      "the input's size in its shape or as imgsz",
      `${describe([input])}, imgsz ${quote(metadata.get("imgsz"))}`,
    );
  return { layout, names, input: input.name, output: output.name, ...size };
}

function outputLayout({ elementType, shape }: TensorInfo, classCount: number, end2end?: string): Layout | undefined {
  if (elementType !== FLOAT32 || shape.length !== 3) return undefined;
  const [, rows, columns] = shape;
  // Exports with suppression inside say end2end False, or nothing, but have the six columns.
  if (columns === 6) return "end-to-end";
  if (end2end === "True") return undefined;
  return rows === 4 + classCount ? "raw" : undefined;
}

function inputSize({ shape }: TensorInfo, metadata: ReadonlyMap<string, string>) {
  const allowed = (value: number | string | undefined): value is number =>
    typeof value === "number" && value >= 1 && value <= LARGEST_INPUT;
  const [, , height, width] = shape;
  if (typeof height === "number" && typeof width === "number") {
    return allowed(height) && allowed(width) ? { height, width } : undefined;
  }
  const imgsz = parseIntegers(metadata.get("imgsz") ?? "");
  const stride = parseIntegers(metadata.get("stride") ?? "")?.at(0) ?? DEFAULT_STRIDE;
  const dynamicHeight = typeof height === "number" ? height : imgsz?.[0];
  const dynamicWidth = typeof width === "number" ? width : (imgsz?.[1] ?? imgsz?.[0]);
  if (!allowed(dynamicHeight) || !allowed(dynamicWidth) || !allowed(stride)) return undefined;
  const bothVary = typeof height !== "number" && typeof width !== "number";
  return { height: dynamicHeight, width: dynamicWidth, ...(bothVary ? { stride } : {}) };
}

function describe(tensors: readonly TensorInfo[]): string {
  if (tensors.length === 0) return "nothing";
  const types: Readonly<Record<number, string>> = {
    1: "float32",
    2: "uint8",
    7: "int64",
    10: "float16",
    11: "float64",
  };
  const shape = (tensor: TensorInfo) => tensor.shape.map((size) => (size === "" ? "?" : size)).join(", ");
  return tensors
    .map((tensor) => `${tensor.name} ${types[tensor.elementType] ?? `type ${tensor.elementType}`}[${shape(tensor)}]`)
    .join(" and ");
}

function quote(value: string | undefined): string {
  if (value === undefined) return "none";
  return value.length > 60 ? `"${value.slice(0, 60)}..."` : `"${value}"`;
}

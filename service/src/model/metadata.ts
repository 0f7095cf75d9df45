import { StartError } from "../errors.ts";
import { GRAPH, TENSOR } from "./graph.ts";
import { integer, messages, text } from "./protobuf.ts";

/** Element types of tensors, by the number that ONNX gives them (TensorProto.DataType). */
const ELEMENT_TYPES = {
  1: "float32",
  2: "uint8",
  3: "int8",
  5: "int16",
  6: "int32",
  7: "int64",
  8: "string",
  9: "bool",
  10: "float16",
  11: "float64",
} as const satisfies Readonly<Record<number, string>>;

/** Element type of a tensor as ONNX Runtime's binding names it; `unknown` for those that no exporter of YOLO writes. */
export type ElementType = (typeof ELEMENT_TYPES)[keyof typeof ELEMENT_TYPES] | "unknown";

/** An input or output of the graph. A dimension is a number, or the name (possibly empty) of one that varies. */
export interface TensorInfo {
  name: string;
  type: ElementType;
  shape: (number | string)[];
}

/** What an ONNX file says about itself. */
export interface OnnxFile {
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  /** Ultralytics writes task, names, stride, imgsz and end2end here, each as the text of a Python value. */
  metadata: ReadonlyMap<string, string>;
}

/** Field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto that are read here. */
const MODEL = { irVersion: 1, graph: 7, metadata: 14 } as const;

/**
 * Reads the inputs, outputs and metadata of an ONNX file; weights are skipped, not copied.
 * @throws StartError when the bytes are no ONNX model
 */
export function readOnnx(content: Uint8Array): OnnxFile {
  try {
    const graph = messages(content, MODEL.graph).at(-1);
    if (graph === undefined || integer(content, MODEL.irVersion) === undefined) throw new Error("no graph");
    const weights = new Set(messages(graph, GRAPH.initializer).map((tensor) => text(tensor, TENSOR.name)));
    const metadata = messages(content, MODEL.metadata).map(
      (entry) => [text(entry, 1) ?? "", text(entry, 2) ?? ""] as const,
    );
    return {
      // Old files list the weights among the inputs.
      inputs: messages(graph, GRAPH.input)
        .map(tensorInfo)
        .filter(({ name }) => !weights.has(name)),
      outputs: messages(graph, GRAPH.output).map(tensorInfo),
      metadata: new Map(metadata),
    };
  } catch (error) {
    throw new StartError("Expected an ONNX model but the file is not one, or it is cut short.", { cause: error });
  }
}

/** Reads a ValueInfoProto: name = 1, type = 2 { tensor_type = 1 { elem_type = 1, shape = 2 { dim = 1 } } }. */
function tensorInfo(info: Uint8Array): TensorInfo {
  const type = messages(info, 2).at(-1) ?? new Uint8Array();
  const tensor = messages(type, 1).at(-1) ?? new Uint8Array();
  const shape = messages(tensor, 2).at(-1) ?? new Uint8Array();
  const dimensions = messages(shape, 1).map((dimension) => integer(dimension, 1) ?? text(dimension, 2) ?? "");
  return { name: text(info, 1) ?? "", type: elementType(integer(tensor, 1)), shape: dimensions };
}

function elementType(number: number | undefined): ElementType {
  const types: Readonly<Record<number, ElementType>> = ELEMENT_TYPES;
  return types[number ?? 0] ?? "unknown";
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

/** One `key: 'value'` pair; a value is in single or double quotes, with Python's backslash escapes. */
const PAIR = /\s*(\d{1,6})\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*(,|$)/sy;
const ESCAPE = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gs;

/**
 * Reads class names from the text of a Python dict, `{0: 'person', 1: "driver's cab"}`.
 * @returns the names by index, or undefined when the text is anything else or an index is missing
 */
export function parseNames(source: string): string[] | undefined {
  const body = /^\s*\{(.*)\}\s*$/s.exec(source)?.[1];
  if (body === undefined) return undefined;
  const names = new Map<number, string>();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < body.length) {
    const pair = PAIR.exec(body);
    if (pair === null) return undefined;
    names.set(Number(pair[1]), unescapePython(pair[2] ?? pair[3] ?? ""));
  }
  const list = [...names.keys()].sort((a, b) => a - b);
  if (list.length === 0 || list.some((key, index) => key !== index)) return undefined;
  return list.map((key) => names.get(key) ?? "");
}

function unescapePython(source: string): string {
  return source.replace(ESCAPE, (_, x?: string, u?: string, long?: string, other?: string) => {
    const hex = x ?? u ?? long;
    if (hex === undefined) return ESCAPES[other ?? ""] ?? other ?? "";
    const code = Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
  });
}

/** Reads the text of a Python list or tuple of whole numbers, or of one number; undefined when it is anything else. */
export function parseIntegers(source: string): number[] | undefined {
  const body = /^\s*(?:\[([\d\s,]*)\]|\(([\d\s,]*)\)|(\d+))\s*$/.exec(source);
  const numbers = (body?.[1] ?? body?.[2] ?? body?.[3])
    ?.split(",")
    .map((part) => part.trim())
    .filter(Boolean)
    .map(Number);
  return numbers?.every(Number.isSafeInteger) ? numbers : undefined;
}

/** Names, types and shapes of tensors, for messages. */
export function describe(tensors: readonly TensorInfo[]): string {
  if (tensors.length === 0) return "nothing";
  const shape = (tensor: TensorInfo) => tensor.shape.map((size) => (size === "" ? "?" : size)).join(", ");
  return tensors.map((tensor) => `${tensor.name} ${tensor.type}[${shape(tensor)}]`).join(" and ");
}

/** Text from a file, shortened for a message. */
export function quote(value: string | undefined): string {
  if (value === undefined) return "none";
  return value.length > 60 ? `"${value.slice(0, 60)}..."` : `"${value}"`;
}

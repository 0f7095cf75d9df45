import { RequestError } from "../errors.ts";
import type { TensorSpec } from "../model/layout.ts";
import type { ElementType } from "../model/metadata.ts";
import type { RawTensor } from "./messages.ts";

/** A tensor as ONNX Runtime's binding takes and gives it. */
export interface TypedTensor {
  type: "float32" | "float16" | "uint8" | "int32" | "int64" | "bool";
  data: Float32Array | Float16Array | Uint8Array | Int32Array | BigInt64Array;
  dims: readonly number[];
}

type Datatype = RawTensor["datatype"];

const ARRAYS = {
  FP32: Float32Array,
  FP16: Float16Array,
  UINT8: Uint8Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  BOOL: Uint8Array,
} as const satisfies Record<Datatype, unknown>;

const TYPES = {
  FP32: "float32",
  FP16: "float16",
  UINT8: "uint8",
  INT32: "int32",
  INT64: "int64",
  BOOL: "bool",
} as const satisfies Record<Datatype, TypedTensor["type"]>;

const DATATYPES = Object.keys(TYPES) as Datatype[];

/** The Open Inference Protocol's name of an element type; undefined for one that is not served. */
export function datatypeOf(type: ElementType): Datatype | undefined {
  return DATATYPES.find((name) => TYPES[name] === type);
}

/**
 * Checks tensors against a model's inputs and turns them into what ONNX Runtime takes, in the order of the inputs.
 * @throws RequestError YOLO_TENSOR_INVALID when one is missing, unknown, twice there, or of another type, shape or length
 */
export function toTyped(tensors: readonly RawTensor[], inputs: readonly TensorSpec[]): Record<string, TypedTensor> {
  const feeds: Record<string, TypedTensor> = {};
  for (const tensor of tensors) {
    const spec = inputs.find(({ name }) => name === tensor.name);
    if (spec === undefined) throw invalid(`inputs ${names(inputs)}`, quote(tensor.name));
    if (Object.hasOwn(feeds, tensor.name)) throw invalid(`each input once`, `${quote(tensor.name)} twice`);
    feeds[tensor.name] = typed(tensor, spec);
  }
  const missing = inputs.find(({ name }) => !Object.hasOwn(feeds, name));
  if (missing !== undefined) throw invalid(`inputs ${names(inputs)}`, `no ${quote(missing.name)}`);
  return feeds;
}

function typed({ name, datatype, shape, data }: RawTensor, spec: TensorSpec): TypedTensor {
  const wanted = datatypeOf(spec.type);
  if (datatype !== wanted) throw invalid(`${quote(name)} of datatype ${wanted}`, datatype);
  const fits =
    shape.length === spec.shape.length &&
    shape.every(
      (size, i) => Number.isSafeInteger(size) && size > 0 && (spec.shape[i] === -1 || spec.shape[i] === size),
    );
  if (!fits) throw invalid(`${quote(name)} of shape [${spec.shape}]`, `[${shape}]`);
  const array = ARRAYS[datatype];
  const bytes = shape.reduce((product, size) => product * size, array.BYTES_PER_ELEMENT);
  if (data.byteLength !== bytes) throw invalid(`${bytes} bytes for ${quote(name)} [${shape}]`, `${data.byteLength}`);
  // Views need an offset that is a multiple of the element's size.
  const aligned = data.byteOffset % array.BYTES_PER_ELEMENT === 0 ? data : data.slice();
  const length = aligned.byteLength / array.BYTES_PER_ELEMENT;
  return {
    type: TYPES[datatype],
    data: new array(aligned.buffer as ArrayBuffer, aligned.byteOffset, length),
    dims: shape,
  };
}

/**
 * Turns an output of ONNX Runtime into bytes; they are the tensor's own, not a copy.
 * @throws RequestError YOLO_TENSOR_INVALID when its type is not served
 */
export function toRaw(
  name: string,
  { type, data, dims }: { type: string; data: unknown; dims: readonly number[] },
): RawTensor {
  const datatype = DATATYPES.find((candidate) => TYPES[candidate] === type);
  if (datatype === undefined || !ArrayBuffer.isView(data))
    throw invalid(`outputs of datatype ${DATATYPES.join(", ")}`, `${quote(name)} of type ${type}`);
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return { name, datatype, shape: [...dims], data: bytes };
}

/** The numbers of a float tensor in single precision. */
export function toFloat32(data: unknown): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Uint16Array) return new Float32Array(new Float16Array(data.buffer, data.byteOffset, data.length));
  if (data instanceof Float16Array) return new Float32Array(data);
  throw new Error(`expected a float output but received ${Object.prototype.toString.call(data)}`);
}

function invalid(expected: string, received: string): RequestError {
  return new RequestError("YOLO_TENSOR_INVALID", `Expected ${expected} but received ${received}.`);
}

const quote = (name: string) => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}...` : name);

const names = (specs: readonly TensorSpec[]) => specs.map(({ name }) => quote(name)).join(", ");

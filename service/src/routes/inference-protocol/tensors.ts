import { RequestError } from "../../errors.ts";
import type { RawTensor } from "../../inference/messages.ts";
import { datatypeOf } from "../../inference/tensors.ts";
import type { Model } from "../../model/layout.ts";

/** A datatype of the Open Inference Protocol that the service handles. */
export type Datatype = RawTensor["datatype"];

/** Bytes of an element. */
export const ELEMENT_BYTES = { FP32: 4, FP16: 2, UINT8: 1, INT32: 4, INT64: 8, BOOL: 1 } as const satisfies Record<
  Datatype,
  number
>;

/** An input or output of a model as its callers see it. */
export interface TensorSpec {
  name: string;
  datatype: Datatype;
  /** -1 stands for a size that varies. */
  shape: number[];
}

/** The tensors of a model. */
export interface Signature {
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
}

/** Describes a model's tensors; those of a datatype that the service does not handle are left out. */
export function signatureOf({ inputs, outputs }: Pick<Model, "inputs" | "outputs">): Signature {
  const specs = (tensors: Model["inputs"]) =>
    tensors.flatMap(({ name, type, shape }) => {
      const datatype = datatypeOf(type);
      return datatype === undefined ? [] : [{ name, datatype, shape }];
    });
  return { inputs: specs(inputs), outputs: specs(outputs) };
}

/** Number of elements of a shape without varying sizes. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Prints a shape as the messages show it. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.map((size) => (size === -1 ? "any" : size)).join(", ")}]`;
}

/** A failure that the caller of `infer` can mend. */
export function tensorError(message: string): RequestError {
  return new RequestError("YOLO_TENSOR_INVALID", message);
}

/** Whole numbers that each integer datatype holds. A JSON number is a double, which is exact up to 2^53. */
const INTEGER_RANGE = {
  UINT8: [0, 255],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  BOOL: [0, 1],
} as const;

/**
 * Writes numbers as the bytes of a tensor.
 * @throws RequestError YOLO_TENSOR_INVALID for one that the datatype does not hold
 */
export function encodeNumbers(values: Float64Array, datatype: Exclude<Datatype, "FP16">, name: string): Uint8Array {
  const bytes = new Uint8Array(values.length * ELEMENT_BYTES[datatype]);
  if (datatype === "FP32") {
    const floats = new Float32Array(bytes.buffer);
    floats.set(values);
    checkFinite(bytes, datatype, name);
    return bytes;
  }
  const [least, most] = INTEGER_RANGE[datatype];
  const wrong = values.find((value) => !(Number.isInteger(value) && value >= least && value <= most));
  if (wrong !== undefined) {
    throw tensorError(
      `Expected whole numbers from ${least} to ${most} for ${name} (${datatype}) but received ${wrong}.`,
    );
  }
  if (datatype === "INT64") {
    // In halves: BigInt64Array takes only bigints, and making millions of those would hold up everybody else.
    const halves = new Int32Array(bytes.buffer);
    values.forEach((value, index) => {
      halves[2 * index] = value % 2 ** 32;
      halves[2 * index + 1] = Math.floor(value / 2 ** 32);
    });
  } else if (datatype === "INT32") new Int32Array(bytes.buffer).set(values);
  else bytes.set(values);
  return bytes;
}

const NOT_FINITE = { FP32: 0x7f800000, FP16: 0x7c00 } as const;

/**
 * Checks that the bytes of a tensor hold numbers that a model can work on.
 * @param bytes begin at a multiple of the element's size
 * @throws RequestError YOLO_TENSOR_INVALID for NaN, infinity, and what is neither true nor false
 */
export function checkFinite(bytes: Uint8Array, datatype: Datatype, name: string): void {
  const length = bytes.length / ELEMENT_BYTES[datatype];
  if (datatype === "BOOL") {
    const wrong = bytes.find((byte) => byte > 1);
    if (wrong !== undefined) throw tensorError(`Expected bytes 0 or 1 for ${name} (BOOL) but received ${wrong}.`);
  }
  if (datatype !== "FP32" && datatype !== "FP16") return;
  const words =
    datatype === "FP32"
      ? new Uint32Array(bytes.buffer, bytes.byteOffset, length)
      : new Uint16Array(bytes.buffer, bytes.byteOffset, length);
  // All bits of the exponent are set in NaN and infinity, and in nothing else.
  const exponent = NOT_FINITE[datatype];
  for (let i = 0; i < length; i++) {
    if (((words[i] ?? 0) & exponent) === exponent) {
      throw tensorError(`Expected finite numbers for ${name} (${datatype}) but element ${i} is NaN or infinite.`);
    }
  }
}

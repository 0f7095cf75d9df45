import { RequestError } from "../../errors.ts";
import type { RawTensor } from "../../inference/messages.ts";
import { readJson } from "./json-body.ts";
import type { NumberArray } from "./number-array.ts";
import {
  checkFinite,
  ELEMENT_BYTES,
  elementCount,
  encodeNumbers,
  type Signature,
  showShape,
  type TensorSpec,
  tensorError,
} from "./tensors.ts";

/** An output that the caller wants, as JSON or as bytes behind the JSON. */
export interface WantedOutput {
  name: string;
  binary: boolean;
}

/** A checked inference request. */
export interface InferRequest {
  /** The caller's own, to be sent back. */
  id?: string;
  /** Fit the model. */
  inputs: RawTensor[];
  /** At least one, each once. */
  outputs: WantedOutput[];
}

/** Parameters of Triton's extensions that would change what an input or output means. */
const REFUSED = ["classification", "shared_memory_region"] as const;

/**
 * Reads a request of the Open Inference Protocol with Triton's binary tensor data extension:
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.
 * @param headLength length of the JSON in front of binary tensors; 0 when the body is the only input's bytes and nothing
 *   else; undefined when the body is all JSON
 * @throws RequestError YOLO_REQUEST_INVALID, YOLO_TENSOR_INVALID, YOLO_BODY_TOO_LARGE
 */
export async function readRequest(
  body: Uint8Array,
  headLength: number | undefined,
  signature: Signature,
): Promise<InferRequest> {
  if (headLength === 0) return readRaw(body, signature);
  const head = body.subarray(0, headLength ?? body.length);
  if (headLength !== undefined && headLength > body.length) {
    const message = `Expected a body of at least ${headLength} bytes (inference-header-content-length) but received ${body.length}.`;
    throw new RequestError("YOLO_REQUEST_INVALID", message);
  }
  const { value, arrays } = await readJson(head, mostNumbers(signature, head.length));
  const request = object(value, "the request");
  const parameters = parametersOf(request, "the request");
  const { id } = request;
  if (id !== undefined && typeof id !== "string") throw invalid("a text for id", id);
  const outputs = wantedOutputs(request.outputs, signature, flag(parameters, "binary_data_output") ?? false);
  const binary = new BinaryData(body.subarray(head.length));
  const inputs = list(request.inputs, "inputs").map((input) => readInput(input, signature, arrays, binary));
  binary.end();
  checkNames(inputs, signature);
  return { ...(id === undefined ? {} : { id }), inputs, outputs };
}

/** A body without JSON: the bytes of the only input. All outputs are answered as bytes. */
function readRaw(body: Uint8Array, { inputs: [input, ...more], outputs }: Signature): InferRequest {
  if (input === undefined || more.length > 0) {
    throw tensorError("Expected JSON in front of the tensors, because the model has more than one input.");
  }
  const { name, datatype } = input;
  const known = elementCount(input.shape.filter((size) => size !== -1)) * ELEMENT_BYTES[datatype];
  const open = input.shape.filter((size) => size === -1).length;
  if (open > 1) throw tensorError(`Expected JSON in front of the tensor, because ${show(input)} may be of any size.`);
  const size = body.length / known;
  if (open === 1 ? !Number.isInteger(size) || size === 0 : size !== 1) {
    throw tensorError(
      `Expected ${open === 1 ? "a multiple of " : ""}${known} bytes for ${show(input)} but received ${body.length}.`,
    );
  }
  const data = aligned(body);
  checkFinite(data, datatype, name);
  const shape = input.shape.map((given) => (given === -1 ? size : given));
  return {
    inputs: [{ name, datatype, shape, data }],
    outputs: outputs.map((output) => ({ name: output.name, binary: true })),
  };
}

/** The bytes behind the JSON, taken in the order of the inputs. */
class BinaryData {
  #bytes: Uint8Array;
  #taken = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(size: number, name: string): Uint8Array {
    const left = this.#bytes.length - this.#taken;
    if (size > left) {
      throw tensorError(`Expected ${size} bytes for ${name} (binary_data_size) behind the JSON but received ${left}.`);
    }
    this.#taken += size;
    return aligned(this.#bytes.subarray(this.#taken - size, this.#taken));
  }

  end(): void {
    const left = this.#bytes.length - this.#taken;
    if (left > 0) throw tensorError(`Expected no bytes behind the inputs' binary_data_size but received ${left}.`);
  }
}

/** A copy that begins where numbers may begin, and takes nothing else along to a worker. */
function aligned(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function readInput(
  value: unknown,
  { inputs }: Signature,
  arrays: readonly NumberArray[],
  binary: BinaryData,
): RawTensor {
  const given = object(value, "each of inputs");
  const spec = inputs.find(({ name }) => name === given.name);
  if (spec === undefined) throw unknownName("inputs", given.name, inputs);
  const { name, datatype } = spec;
  if (given.datatype !== datatype) throw invalid(`datatype ${datatype} for ${name}`, given.datatype);
  const shape = readShape(given.shape, spec);
  const parameters = parametersOf(given, name);
  refuseExtensions(parameters, name);
  const { binary_data_size: size } = parameters;
  if ((size === undefined) === (given.data === undefined)) {
    throw tensorError(`Expected either data or the parameter binary_data_size for ${name}.`);
  }
  if (size === undefined) {
    const array = typeof given.data === "number" ? arrays[given.data] : undefined;
    if (array === undefined) throw invalid(`an array of numbers as data for ${name}`, given.data);
    return { name, datatype, shape, data: fromNumbers(array, shape, spec) };
  }
  const bytes = elementCount(shape) * ELEMENT_BYTES[datatype];
  if (size !== bytes) throw invalid(`binary_data_size ${bytes} for ${name} ${datatype}${showShape(shape)}`, size);
  const data = binary.take(bytes, name);
  checkFinite(data, datatype, name);
  return { name, datatype, shape, data };
}

function readShape(value: unknown, spec: TensorSpec): number[] {
  const fits =
    Array.isArray(value) &&
    value.length === spec.shape.length &&
    value.every(
      (size, i) => Number.isSafeInteger(size) && size > 0 && (spec.shape[i] === -1 || spec.shape[i] === size),
    );
  if (!fits) throw invalid(`shape ${showShape(spec.shape)} for ${spec.name}`, value);
  return value as number[];
}

function fromNumbers(array: NumberArray, shape: readonly number[], { name, datatype }: TensorSpec): Uint8Array {
  if (datatype === "FP16") {
    throw tensorError(`Expected binary data for ${name}, because FP16 has no form in JSON (binary_data_size).`);
  }
  const count = elementCount(shape);
  if (array.values.length !== count) {
    throw tensorError(`Expected ${count} numbers for ${name} ${showShape(shape)} but received ${array.values.length}.`);
  }
  const nested = array.shape.length > 1;
  if (nested && (array.shape.length !== shape.length || array.shape.some((length, i) => length !== shape[i]))) {
    throw tensorError(
      `Expected data for ${name} flat or nested as ${showShape(shape)} but received ${showShape(array.shape)}.`,
    );
  }
  if (array.booleans && datatype !== "BOOL") {
    throw tensorError(`Expected numbers for ${name} (${datatype}) but received true or false.`);
  }
  return encodeNumbers(array.values, datatype, name);
}

function checkNames(inputs: readonly RawTensor[], signature: Signature): void {
  const names = inputs.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw tensorError(`Expected each input once but received ${quote(twice)} several times.`);
  const missing = signature.inputs.find(({ name }) => !names.includes(name));
  if (missing !== undefined) throw tensorError(`Expected the input ${show(missing)} but it is missing.`);
}

/** The outputs to answer with: those that are named, or all. */
function wantedOutputs(value: unknown, signature: Signature, binary: boolean): WantedOutput[] {
  const given = value === undefined ? [] : list(value, "outputs");
  const wanted = given.map((entry): WantedOutput => {
    const output = object(entry, "each of outputs");
    const spec = signature.outputs.find(({ name }) => name === output.name);
    if (spec === undefined) throw unknownName("outputs", output.name, signature.outputs);
    const parameters = parametersOf(output, spec.name);
    refuseExtensions(parameters, spec.name);
    return { name: spec.name, binary: flag(parameters, "binary_data") ?? binary };
  });
  const all = wanted.length > 0 ? wanted : signature.outputs.map(({ name }) => ({ name, binary }));
  for (const [index, { name, binary: bytes }] of all.entries()) {
    if (all.findIndex((other) => other.name === name) !== index) {
      throw tensorError(`Expected each output once but received ${quote(name)} several times.`);
    }
    if (!bytes && signature.outputs.find((spec) => spec.name === name)?.datatype === "FP16") {
      throw tensorError(`Expected the parameter binary_data for ${name}, because FP16 has no form in JSON.`);
    }
  }
  return all;
}

function refuseExtensions(parameters: Record<string, unknown>, name: string): void {
  const found = REFUSED.find((key) => parameters[key] !== undefined);
  if (found === undefined) return;
  throw tensorError(`Expected no parameter ${found} for ${name}: the service has no such extension.`);
}

/** More numbers than any input has need not be read; a number and its comma are two bytes at least. */
function mostNumbers({ inputs }: Signature, bytes: number): number {
  const most = inputs.map(({ shape }) => (shape.includes(-1) ? bytes / 2 : elementCount(shape)));
  return Math.ceil(Math.max(0, ...most));
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`an object for ${what}`, value);
  return value as Record<string, unknown>;
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw invalid(`a list for ${what}`, value);
  return value;
}

function parametersOf({ parameters }: Record<string, unknown>, what: string): Record<string, unknown> {
  return parameters === undefined ? {} : object(parameters, `the parameters of ${what}`);
}

function flag(parameters: Record<string, unknown>, name: string): boolean | undefined {
  const value = parameters[name];
  if (value !== undefined && typeof value !== "boolean") throw invalid(`true or false for ${name}`, value);
  return value;
}

function unknownName(what: string, name: unknown, specs: readonly TensorSpec[]): RequestError {
  return invalid(`names in ${what} from ${specs.map(show).join(", ")}`, name);
}

function invalid(expected: string, received: unknown): RequestError {
  return tensorError(`Expected ${expected} but received ${quote(received)}.`);
}

function show({ name, datatype, shape }: TensorSpec): string {
  return `${name} ${datatype}${showShape(shape)}`;
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

import { setImmediate as nextTurn } from "node:timers/promises";
import type { RawTensor } from "../../inference/messages.ts";
import type { InferRequest, WantedOutput } from "./request.ts";
import { ELEMENT_BYTES, tensorError } from "./tensors.ts";

/** The body of an answer, and the length of its JSON where bytes follow. */
export interface InferResponse {
  body: Buffer;
  headLength?: number;
}

/** Length of the JSON where bytes follow it, in requests and answers. */
export const HEAD_LENGTH_HEADER = "inference-header-content-length";

/** Numbers that are printed before others get their turn: about 3 ms. */
const SLICE = 16_384;

/**
 * Writes the answer to an inference request; as the request asks, tensors are numbers in its JSON or bytes behind it.
 * @param tensors in the order of the request's outputs
 * @throws RequestError YOLO_TENSOR_INVALID when a number has no form in JSON
 */
export async function writeResponse(
  request: Pick<InferRequest, "id" | "outputs">,
  model: { name: string; version: string },
  tensors: readonly RawTensor[],
): Promise<InferResponse> {
  const { id, outputs } = request;
  const names = { model_name: model.name, model_version: model.version, ...(id === undefined ? {} : { id }) };
  const head: string[] = [`${JSON.stringify(names).slice(0, -1)},"outputs":[`];
  const bytes: Uint8Array[] = [];
  for (const [index, tensor] of tensors.entries()) {
    head.push(index === 0 ? "" : ",", openTensor(tensor, outputs[index]));
    if (outputs[index]?.binary) bytes.push(tensor.data);
    else await writeNumbers(tensor, head);
    head.push("}");
  }
  head.push("]}");
  const json = Buffer.from(head.join(""));
  if (!outputs.some(({ binary }) => binary)) return { body: json };
  return { body: Buffer.concat([json, ...bytes]), headLength: json.length };
}

/** Everything of a tensor's object but its numbers and its end. */
function openTensor({ name, datatype, shape, data }: RawTensor, output: WantedOutput | undefined): string {
  const parameters = output?.binary ? { parameters: { binary_data_size: data.length } } : {};
  return JSON.stringify({ name, datatype, shape, ...parameters }).slice(0, -1);
}

/** Prints a tensor's numbers, flat, a slice at a time. */
async function writeNumbers({ name, datatype, data }: RawTensor, into: string[]): Promise<void> {
  const length = data.length / ELEMENT_BYTES[datatype];
  into.push(',"data":[');
  for (let start = 0; start < length; start += SLICE) {
    if (start > 0) await nextTurn();
    const end = Math.min(start + SLICE, length);
    into.push(start === 0 ? "" : ",", printed(numbersOf(data, datatype, start, end), datatype, name));
  }
  into.push("]");
}

type Numbers = Float32Array | Uint8Array | Int32Array | BigInt64Array;

function numbersOf(data: Uint8Array, datatype: RawTensor["datatype"], start: number, end: number): Numbers {
  const size = ELEMENT_BYTES[datatype];
  // A copy, because the tensor may begin anywhere in its buffer.
  const { buffer } = new Uint8Array(data.subarray(start * size, end * size));
  switch (datatype) {
    case "FP32":
      return new Float32Array(buffer);
    case "INT32":
      return new Int32Array(buffer);
    case "INT64":
      return new BigInt64Array(buffer);
    case "UINT8":
    case "BOOL":
      return new Uint8Array(buffer);
    case "FP16":
      throw tensorError("Expected the parameter binary_data for each FP16 output, because FP16 has no form in JSON.");
  }
}

function printed(numbers: Numbers, datatype: RawTensor["datatype"], name: string): string {
  if (datatype === "BOOL") return [...(numbers as Uint8Array)].map((value) => String(value !== 0)).join(",");
  if (numbers instanceof Float32Array && numbers.some((value) => !Number.isFinite(value))) {
    throw tensorError(
      `Expected the parameter binary_data for ${name}: its result has NaN or infinity, which JSON lacks.`,
    );
  }
  return numbers.join(",");
}

import assert from "node:assert/strict";
import { ERRORS, RequestError } from "../../service/src/errors.ts";
import type { RawTensor } from "../../service/src/inference/messages.ts";
import { readRequest } from "../../service/src/routes/inference-protocol/request.ts";
import type { Signature } from "../../service/src/routes/inference-protocol/tensors.ts";

/** A model with one input and two outputs. */
export const FIXED: Signature = {
  inputs: [{ name: "images", datatype: "FP32", shape: [1, 3, 2, 2] }],
  outputs: [
    { name: "output0", datatype: "FP32", shape: [1, 6, -1] },
    { name: "output1", datatype: "FP32", shape: [1, 4] },
  ],
};

/** A signature with one input of a datatype, and one output. */
export const signature = (datatype: RawTensor["datatype"], shape: number[]): Signature => ({
  inputs: [{ name: "x", datatype, shape }],
  outputs: [{ name: "y", datatype, shape }],
});

/** The bytes of a text. */
export const utf8 = (text: string) => new TextEncoder().encode(text);
/** Numbers for FIXED. */
export const pixels = Array.from({ length: 12 }, (_, index) => index / 8);
/** The bytes of numbers in single precision. */
export const floats = (values: readonly number[]) => new Uint8Array(new Float32Array(values).buffer);

/** A request for FIXED as JSON; `more` overrides fields of the input. */
export function jsonRequest(more: object = {}, fields: object = {}): Uint8Array {
  const input = { name: "images", datatype: "FP32", shape: [1, 3, 2, 2], data: pixels, ...more };
  return utf8(JSON.stringify({ inputs: [input], ...fields }));
}

/** A body with bytes behind its JSON, and the length of the JSON. */
export function binaryRequest(more: object = {}, bytes: Uint8Array = floats(pixels), fields: object = {}) {
  const parameters = { binary_data_size: bytes.length };
  const input = { name: "images", datatype: "FP32", shape: [1, 3, 2, 2], parameters, ...more };
  const head = utf8(JSON.stringify({ inputs: [input], ...fields }));
  return { body: Buffer.concat([head, bytes]), headLength: head.length };
}

/** What a request is refused with. */
export async function refusal(body: Uint8Array, headLength?: number, model: Signature = FIXED): Promise<string> {
  try {
    await readRequest(body, headLength, model);
  } catch (error) {
    assert(error instanceof RequestError, String(error));
    const { status } = ERRORS[error.code];
    assert(status >= 400 && status < 500, error.code);
    return `${error.code} ${error.message}`;
  }
  assert.fail("the request was accepted");
}

/** The text of an input of FIXED, whose numbers may be any text. */
export function inputText(numbers: readonly (number | string)[] = pixels): string {
  return `{"name":"images","datatype":"FP32","shape":[1,3,2,2],"data":[${numbers.join(",")}]}`;
}

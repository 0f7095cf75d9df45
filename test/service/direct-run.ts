import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { units } from "./generate.ts";

/** A tensor's worth of reproducible numbers from 0 to 1, as pixels are. */
export function randomPixels(shape: readonly number[], seed = 1): Float32Array {
  return Float32Array.from(
    units(
      seed,
      shape.reduce((product, size) => product * size, 1),
    ),
  );
}

/** Runs a model file in this thread, by ONNX Runtime and nothing else: the outputs' bytes and shapes by name. */
export async function runDirectly(path: string, pixels: Float32Array | Float16Array, shape: readonly number[]) {
  const session = await InferenceSession.create(readFileSync(path), { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const [input = ""] = session.inputNames;
  const tensor =
    pixels instanceof Float32Array
      ? new Tensor("float32", pixels, shape)
      : // The binding takes halves as whole numbers of 16 bits only; the class of its tensors would change them back.
        ({ type: "float16", data: bitsOf(pixels), dims: shape, location: "cpu" } as unknown as Tensor);
  const outputs = await session.run({ [input]: tensor });
  return Object.fromEntries(
    Object.entries(outputs).map(([name, output]) => [name, { shape: output.dims, bytes: bytesOf(output.data) }]),
  );
}

function bitsOf({ buffer, byteOffset, length }: Float16Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset, length);
}

/** The bytes of a tensor's numbers. */
export function bytesOf(data: unknown): Buffer {
  if (!ArrayBuffer.isView(data)) throw new Error("expected a tensor of numbers");
  return Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

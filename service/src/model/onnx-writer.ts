import { bytesField, type Encoded, floatField, integerField, join } from "./protobuf-writer.ts";

/** Builds parts of an ONNX file; field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. */

/** Element types as ONNX numbers them. */
export const ELEMENT = { float32: 1, uint8: 2, int64: 7, float16: 10 } as const;

/** An attribute of a node: a number with a fraction has to be given as `{ float }`; an AttributeProto is taken as it is. */
export type Attribute = number | readonly number[] | string | { float: number } | Encoded;

const ATTRIBUTE_TYPE = 20;

function attribute(name: string, value: Attribute): Encoded {
  if (value instanceof Uint8Array) return value;
  const named = bytesField(1, name);
  if (typeof value === "number") return join(named, integerField(3, value), integerField(ATTRIBUTE_TYPE, 2));
  if (typeof value === "string") return join(named, bytesField(4, value), integerField(ATTRIBUTE_TYPE, 3));
  if ("float" in value) return join(named, floatField(2, value.float), integerField(ATTRIBUTE_TYPE, 1));
  return join(named, ...value.map((item) => integerField(8, item)), integerField(ATTRIBUTE_TYPE, 7));
}

/** A NodeProto. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Encoded {
  return join(
    ...inputs.map((name) => bytesField(1, name)),
    ...outputs.map((name) => bytesField(2, name)),
    bytesField(4, operator),
    ...Object.entries(attributes).map(([name, value]) => bytesField(5, attribute(name, value))),
  );
}

/** A TensorProto that holds `data`, row by row. */
export function tensor(name: string, shape: readonly number[], data: Float32Array | BigInt64Array): Encoded {
  const type = data instanceof Float32Array ? ELEMENT.float32 : ELEMENT.int64;
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return join(
    ...shape.map((size) => integerField(1, size)),
    integerField(2, type),
    bytesField(8, name),
    bytesField(9, raw),
  );
}

/** A ValueInfoProto: an input or output of the graph. A dimension is a number, or the name of one that varies. */
export function valueInfo(name: string, elementType: number, shape: readonly (number | string)[]): Encoded {
  const dimensions = shape.map((size) => (typeof size === "number" ? integerField(1, size) : bytesField(2, size)));
  const shaped = bytesField(2, join(...dimensions.map((dimension) => bytesField(1, dimension))));
  const type = bytesField(1, join(integerField(1, elementType), shaped));
  return join(bytesField(1, name), bytesField(2, type));
}

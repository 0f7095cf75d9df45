/** One field of a protobuf message: its number, and its value as bytes (length-delimited) or number (varint). */
export interface Field {
  number: number;
  value: Uint8Array | number;
}

const MALFORMED = "malformed protobuf";

/**
 * Walks the fields of one protobuf message without copying; fixed-width fields are skipped.
 * Source of the wire format: https://protobuf.dev/programming-guides/encoding/
 * @throws Error when the bytes end inside a field or use a wire type that no field has
 */
export function* fields(message: Uint8Array): Generator<Field> {
  let offset = 0;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[offset++];
      if (byte === undefined) throw new Error(MALFORMED);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw new Error(MALFORMED);
  };
  const skip = (length: number) => {
    if (length < 0 || length > message.length - offset) throw new Error(MALFORMED);
    offset += length;
  };
  while (offset < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (number < 1) throw new Error(MALFORMED);
    switch (tag % 8) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        skip(8);
        break;
      case 2: {
        const length = varint();
        const start = offset;
        skip(length);
        yield { number, value: message.subarray(start, offset) };
        break;
      }
      case 5:
        skip(4);
        break;
      default:
        throw new Error(MALFORMED);
    }
  }
}

/** All values of one length-delimited field. */
export function messages(message: Uint8Array, number: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const field of fields(message)) {
    if (field.number === number && typeof field.value !== "number") found.push(field.value);
  }
  return found;
}

/** The last value of a text field, as protobuf readers take it; undefined when missing. */
export function text(message: Uint8Array, number: number): string | undefined {
  const found = messages(message, number).at(-1);
  return found === undefined ? undefined : new TextDecoder().decode(found);
}

/** The last value of a varint field; undefined when missing. */
export function integer(message: Uint8Array, number: number): number | undefined {
  let found: number | undefined;
  for (const field of fields(message)) {
    if (field.number === number && typeof field.value === "number") found = field.value;
  }
  return found;
}

/** One or several fields of a protobuf message in wire format (https://protobuf.dev/programming-guides/encoding/). */
export type Encoded = Uint8Array;

/** Fields one after the other; also a message from its fields. */
export function join(...parts: readonly Encoded[]): Encoded {
  return Buffer.concat(parts);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

/** A whole number, also a negative one of 64 bits. */
export function integerField(number: number, value: number): Encoded {
  return Uint8Array.from([...varint(number * 8), ...varint(value)]);
}

/** A number of single precision. */
export function floatField(number: number, value: number): Encoded {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return join(Uint8Array.from(varint(number * 8 + 5)), bytes);
}

/** A text, bytes or another message. */
export function bytesField(number: number, value: string | Uint8Array): Encoded {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return join(Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes);
}

/** A box of an ISO base media file (ISO/IEC 14496-12). */
export interface Box {
  type: string;
  content: Buffer;
}

/** Boxes that are looked at on one level; an image has a dozen, and as many more as it has tiles. */
const MOST_BOXES = 10_000;

/**
 * The boxes that lie in some bytes, one behind the other.
 * @throws RangeError when one is cut off, or there are too many
 */
export function boxesOf(bytes: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const type = bytes.toString("latin1", at + 4, at + 8);
    const short = bytes.readUInt32BE(at);
    // 1 means that a longer number follows, 0 that the box goes on to the end.
    const header = short === 1 ? 16 : 8;
    const size = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? bytes.length - at : short;
    if (size < header || boxes.length >= MOST_BOXES) throw new RangeError("not a box");
    boxes.push({ type, content: bytes.subarray(at + header, at + size) });
    at += size;
  }
  return boxes;
}

/** Reads big-endian numbers one behind the other. */
export class Reader {
  #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /**
   * A number of 0 to 8 bytes.
   * @throws RangeError at the end
   */
  unsigned(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.#bytes.readUInt8(this.#at++);
    return value;
  }

  /** Characters, one byte each; fewer at the end. */
  text(length: number): string {
    this.#at += length;
    return this.#bytes.toString("latin1", this.#at - length, this.#at);
  }
}

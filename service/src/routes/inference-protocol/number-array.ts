import { tensorError } from "./tensors.ts";

/** Numbers of a JSON array, flat or nested. */
export interface NumberArray {
  /** In row-major order; true is 1, false is 0. */
  values: Float64Array;
  /** Length by depth, the outermost first: one for a flat array. */
  shape: number[];
  /** Whether true or false is among them. */
  booleans: boolean;
}

/** Powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** Longest number in bytes; the longest that prints a double exactly has fewer. */
const LONGEST_NUMBER = 1100;

/** No tensor of an image model has more dimensions. */
const MOST_DIMENSIONS = 8;

/** What may come next. */
const EXPECT = { first: 0, value: 1, separator: 2 } as const;

const TRUE = [0x74, 0x72, 0x75, 0x65] as const;
const FALSE = [0x66, 0x61, 0x6c, 0x73, 0x65] as const;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Reads a JSON array of numbers piece by piece, so that millions of them neither hold up the thread nor become objects.
 * Accepts what JSON.parse accepts and gives the same doubles.
 */
export class NumberArrayReader {
  #bytes: Uint8Array;
  #position: number;
  #most: number;
  #values = new Float64Array(64);
  #count = 0;
  #expect: (typeof EXPECT)[keyof typeof EXPECT] = EXPECT.first;
  /** Elements so far of each open array, the outermost first. */
  #open: number[] = [];
  /** Length of the arrays at each depth; -1 until the first one ends. */
  #lengths: number[] = [];
  #leafDepth = -1;
  #booleans = false;

  /** @param start index of the opening bracket; `most` numbers are read at most */
  constructor(bytes: Uint8Array, start: number, most: number) {
    this.#bytes = bytes;
    this.#position = start;
    this.#most = most;
  }

  /** Index of the next byte to read: after the last `step`, the one behind the closing bracket. */
  get position(): number {
    return this.#position;
  }

  /**
   * Reads about so many bytes more.
   * @returns whether the array has ended
   * @throws RequestError YOLO_TENSOR_INVALID when it is no regular array of finite numbers
   */
  step(budget: number): boolean {
    const pause = this.#position + budget;
    while (this.#position < pause) {
      const byte = this.#bytes[this.#position];
      switch (byte) {
        case 0x20:
        case 0x09:
        case 0x0a:
        case 0x0d:
          this.#position++;
          break;
        case 0x2c: // ,
          if (this.#expect !== EXPECT.separator) throw this.#unexpected();
          this.#expect = EXPECT.value;
          this.#position++;
          break;
        case 0x5b: // [
          this.#begin();
          break;
        case 0x5d: // ]
          if (this.#end()) return true;
          break;
        default:
          this.#leaf(byte);
      }
    }
    return false;
  }

  /** What was read; valid once `step` returned true. */
  get array(): NumberArray {
    return { values: this.#values.subarray(0, this.#count), shape: this.#lengths, booleans: this.#booleans };
  }

  #begin(): void {
    if (this.#expect === EXPECT.separator) throw this.#unexpected();
    const depth = this.#open.length;
    if (depth === MOST_DIMENSIONS) throw tensorError(`Expected data of at most ${MOST_DIMENSIONS} dimensions.`);
    if (depth === this.#leafDepth) throw this.#ragged();
    if (depth > 0) this.#open[depth - 1] = (this.#open[depth - 1] ?? 0) + 1;
    this.#open.push(0);
    if (this.#lengths.length === depth) this.#lengths.push(-1);
    this.#expect = EXPECT.first;
    this.#position++;
  }

  #end(): boolean {
    if (this.#expect !== EXPECT.separator) throw this.#unexpected();
    const length = this.#open.pop() ?? 0;
    const depth = this.#open.length;
    if (this.#lengths[depth] === -1) this.#lengths[depth] = length;
    else if (this.#lengths[depth] !== length) throw this.#ragged();
    this.#position++;
    return depth === 0;
  }

  #leaf(byte: number | undefined): void {
    if (this.#expect === EXPECT.separator) throw this.#unexpected();
    const depth = this.#open.length;
    if (this.#leafDepth === -1) this.#leafDepth = depth;
    if (this.#leafDepth !== depth) throw this.#ragged();
    if (this.#count === this.#most) throw tensorError(`Expected at most ${this.#most} numbers in data.`);
    const value = byte === 0x74 || byte === 0x66 ? this.#boolean() : this.#number();
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#count);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = value;
    this.#open[depth - 1] = (this.#open[depth - 1] ?? 0) + 1;
    this.#expect = EXPECT.separator;
  }

  #boolean(): number {
    const word = this.#bytes[this.#position] === TRUE[0] ? TRUE : FALSE;
    if (word.some((byte, index) => this.#bytes[this.#position + index] !== byte)) throw this.#unexpected();
    this.#position += word.length;
    this.#booleans = true;
    return word === TRUE ? 1 : 0;
  }

  /** Reads a number: at once where its digits fit a double exactly, else by the engine's own parser. */
  #number(): number {
    const bytes = this.#bytes;
    const start = this.#position;
    const limit = start + LONGEST_NUMBER;
    let i = start;
    const negative = bytes[i] === 0x2d;
    if (negative) i++;
    const first = i;
    let digits = 0;
    let byte = bytes[i] ?? 0;
    for (; byte >= 0x30 && byte <= 0x39 && i < limit; byte = bytes[++i] ?? 0) digits = digits * 10 + (byte - 0x30);
    const whole = i - first;
    let decimals = 0;
    if (byte === 0x2e) {
      const point = i;
      byte = bytes[++i] ?? 0;
      for (; byte >= 0x30 && byte <= 0x39 && i < limit; byte = bytes[++i] ?? 0) digits = digits * 10 + (byte - 0x30);
      decimals = i - point - 1;
      if (decimals === 0) throw this.#unexpected();
    }
    if (whole === 0 || (whole > 1 && bytes[first] === 0x30)) throw this.#unexpected();
    const plain = byte !== 0x65 && byte !== 0x45;
    // Dividing two exact doubles rounds once, and so correctly: W. D. Clinger, How to read floating point numbers
    // accurately, https://doi.org/10.1145/93542.93557.
    if (plain && digits <= Number.MAX_SAFE_INTEGER && decimals < POWERS.length) {
      this.#position = i;
      const value = digits / (POWERS[decimals] ?? 1);
      return negative ? -value : value;
    }
    return this.#longNumber(start, i);
  }

  #longNumber(start: number, end: number): number {
    let i = end;
    for (
      let byte = this.#bytes[i] ?? 0;
      isNumberByte(byte) && i - start <= LONGEST_NUMBER;
      byte = this.#bytes[++i] ?? 0
    );
    const text = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, i - start).toString("latin1");
    const value = Number(text);
    if (text.length > LONGEST_NUMBER) throw tensorError(`Expected numbers of at most ${LONGEST_NUMBER} characters.`);
    if (!NUMBER.test(text)) throw this.#unexpected();
    if (!Number.isFinite(value)) {
      throw tensorError(`Expected finite numbers in data but received ${text.slice(0, 40)}.`);
    }
    this.#position = i;
    return value;
  }

  #ragged() {
    return tensorError(
      "Expected data to be flat, or nested as its shape says, but its arrays differ in length or depth.",
    );
  }

  #unexpected() {
    const end = this.#bytes.length;
    if (this.#position >= end)
      return tensorError("Expected data to be an array of numbers, but the JSON ends inside it.");
    const found = Buffer.from(this.#bytes.subarray(this.#position, Math.min(this.#position + 12, end))).toString();
    return tensorError(
      `Expected data to be an array of numbers but received ${JSON.stringify(found)} at byte ${this.#position}.`,
    );
  }
}

function isNumberByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45 || byte === 0x65
  );
}

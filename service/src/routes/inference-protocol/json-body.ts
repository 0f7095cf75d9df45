import { setImmediate as nextTurn } from "node:timers/promises";
import { RequestError } from "../../errors.ts";
import { type NumberArray, NumberArrayReader } from "./number-array.ts";
import { tensorError } from "./tensors.ts";

/** Most bytes of a request's JSON beside the numbers of its tensors. */
export const HEAD_LIMIT = 65_536;

/** Containers may be nested so deep; requests of the protocol need five. */
const MOST_DEPTH = 32;

/** Bytes of numbers that are read before others get their turn: about 5 ms. */
const SLICE_BYTES = 262_144;

interface Container {
  array: boolean;
  /** The key whose value is being read; of an object only. */
  key: string;
}

/** The JSON of an inference request, its tensors' numbers apart. */
export interface JsonBody {
  /** As JSON.parse gives it, but `inputs[i].data` is an index into `arrays`. */
  value: unknown;
  arrays: NumberArray[];
}

/**
 * Reads the JSON of an inference request without holding up the thread, however many numbers are in it.
 * @param mostNumbers so many numbers are read at most for one tensor
 * @throws RequestError YOLO_REQUEST_INVALID, YOLO_TENSOR_INVALID, YOLO_BODY_TOO_LARGE
 */
export async function readJson(bytes: Uint8Array, mostNumbers: number): Promise<JsonBody> {
  const head: Uint8Array[] = [];
  const arrays: NumberArray[] = [];
  const path: Container[] = [];
  let copied = 0;
  let cut = 0;
  /** Start of the string that is being read. */
  let string = -1;
  let keyNext = false;
  let dataNext = false;
  for (let i = 0; i < bytes.length; i++) {
    if (i - cut > HEAD_LIMIT) {
      throw new RequestError("YOLO_BODY_TOO_LARGE", `Expected at most ${HEAD_LIMIT} bytes of JSON beside the data.`);
    }
    const byte = bytes[i] ?? 0;
    const top = path.at(-1);
    if (string >= 0) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) {
        if (keyNext && top !== undefined) top.key = decodeKey(bytes.subarray(string, i + 1));
        string = -1;
      }
      continue;
    }
    if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) continue;
    if (dataNext) {
      // Whatever else it were, it could pass for the index of an array below.
      if (byte !== 0x5b) throw tensorError("Expected data to be an array of numbers.");
      const reader = new NumberArrayReader(bytes, i, mostNumbers);
      while (!reader.step(SLICE_BYTES)) await nextTurn();
      head.push(bytes.subarray(copied, i), Buffer.from(` ${arrays.length} `));
      arrays.push(reader.array);
      copied = reader.position;
      cut += copied - i;
      i = copied - 1;
      dataNext = false;
      continue;
    }
    switch (byte) {
      case 0x22:
        string = i;
        break;
      case 0x3a: // :
        keyNext = false;
        dataNext = isData(path);
        break;
      case 0x2c: // ,
        keyNext = top?.array === false;
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (path.length === MOST_DEPTH) throw malformed(`nested deeper than ${MOST_DEPTH}`);
        path.push({ array: byte === 0x5b, key: "" });
        keyNext = byte === 0x7b;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        path.pop();
        keyNext = false;
        break;
    }
  }
  head.push(bytes.subarray(copied));
  // What is wrong with the head is still wrong after numbers took the place of arrays, and is found here.
  return { value: parse(Buffer.concat(head)), arrays };
}

/** Whether the next value is `inputs[i].data`. */
function isData([root, list, input, ...deeper]: readonly Container[]): boolean {
  if (deeper.length > 0 || root?.key !== "inputs" || !list?.array) return false;
  return input?.array === false && input.key === "data";
}

function decodeKey(quoted: Uint8Array): string {
  const key: unknown = parse(quoted);
  return typeof key === "string" ? key : "";
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw malformed(error instanceof SyntaxError ? error.message : "it is not UTF-8");
  }
}

function malformed(reason: string): RequestError {
  return new RequestError("YOLO_REQUEST_INVALID", `Expected a JSON object as the request, but: ${reason}.`);
}

import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { RequestError } from "../../errors.ts";
import { HEAD_LENGTH_HEADER } from "./response.ts";

const DECODERS = new Map([
  ["gzip", promisify(gunzip)],
  // What HTTP calls deflate is zlib's format: RFC 9110, 8.4.1.2.
  ["deflate", promisify(inflate)],
]);

/**
 * Undoes a body's content encoding, off the main thread.
 * @param limitBytes the body may not be longer than this once it is undone
 * @throws RequestError YOLO_MEDIA_TYPE_UNSUPPORTED, YOLO_BODY_TOO_LARGE, YOLO_REQUEST_INVALID
 */
export async function decompress(
  body: Uint8Array,
  encoding: string | undefined,
  limitBytes: number,
): Promise<Uint8Array> {
  const name = encoding?.trim().toLowerCase() ?? "identity";
  if (name === "identity" || name === "") return body;
  const decode = DECODERS.get(name);
  if (decode === undefined) {
    const message = `Expected ${[...DECODERS.keys()].join(", ")} or nothing as content-encoding but received ${JSON.stringify(name.slice(0, 60))}.`;
    throw new RequestError("YOLO_MEDIA_TYPE_UNSUPPORTED", message);
  }
  try {
    return await decode(body, { maxOutputLength: limitBytes });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ERR_BUFFER_TOO_LARGE") {
      throw new RequestError("YOLO_BODY_TOO_LARGE", `Expected at most ${limitBytes} bytes in the ${name} body.`);
    }
    throw new RequestError(
      "YOLO_REQUEST_INVALID",
      `Expected a ${name} body, as content-encoding says, but it is damaged.`,
    );
  }
}

/**
 * Reads how long the JSON in front of binary tensors is; undefined when the header is missing.
 * @throws RequestError YOLO_REQUEST_INVALID when it is no length
 */
export function headLengthOf(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const text = String(header).trim();
  if (/^\d{1,10}$/.test(text)) return Number(text);
  const message = `Expected a number of bytes for ${HEAD_LENGTH_HEADER} but received ${JSON.stringify(text.slice(0, 60))}.`;
  throw new RequestError("YOLO_REQUEST_INVALID", message);
}

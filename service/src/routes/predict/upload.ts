import type { Multipart } from "@fastify/multipart";
import type { FastifyReply, FastifyRequest } from "fastify";
import { RequestError } from "../../errors.ts";
import { type Entry, MOST_ENTRIES } from "./parameters.ts";

/** Name of the form's parts that hold images. */
export const FILE_FIELD = "file";

/** Most images in one request. */
export const MOST_FILES = 64;

/** The limits of a form, for the parser; files share what the body may have in all. */
export function uploadLimits(bodyLimitBytes: number) {
  return {
    fileSize: bodyLimitBytes,
    files: MOST_FILES,
    fields: MOST_ENTRIES,
    parts: MOST_FILES + MOST_ENTRIES + 1,
    fieldSize: 16_384,
    fieldNameSize: 100,
    headerPairs: 20,
    headerSize: 8_192,
  };
}

// Nothing else may be a file: an image under another name is then an unknown parameter, and said to be one.
const PARTS = { isPartAFile: (name: string | undefined) => name === FILE_FIELD };

/** A form as it came: its images in order, and its other fields. */
export interface Upload {
  images: Buffer[];
  fields: Entry[];
}

/**
 * Reads a multipart form into memory.
 * @throws RequestError YOLO_BODY_TOO_LARGE, YOLO_PARAMETER_INVALID for too many or too long parts, or
 * YOLO_REQUEST_INVALID when it is malformed or ends early
 */
export async function readUpload(request: FastifyRequest, reply: FastifyReply, limit: number): Promise<Upload> {
  const tooLarge = () => new RequestError("YOLO_BODY_TOO_LARGE", `Expected a body of at most ${limit} bytes.`);
  const upload: Upload = { images: [], fields: [] };
  let received = 0;
  const count = (bytes: number) => {
    received += bytes;
    if (received > limit) throw tooLarge();
  };
  try {
    if (Number(request.headers["content-length"]) > limit) throw tooLarge();
    for await (const part of request.parts(PARTS)) {
      if (part.type === "file") upload.images.push(await readFile(part, count));
      else {
        count(Buffer.byteLength(String(part.value)));
        upload.fields.push(readField(part));
      }
    }
    return upload;
  } catch (error) {
    // What is still to come has no reader any more; unread, it would hold up the connection.
    request.raw.unpipe();
    request.raw.resume();
    reply.header("connection", "close");
    throw asRequestError(error, tooLarge);
  }
}

async function readFile({ file }: Extract<Multipart, { type: "file" }>, count: (bytes: number) => void) {
  const chunks: Buffer[] = [];
  for await (const chunk of file as AsyncIterable<Buffer>) {
    count(chunk.length);
    chunks.push(chunk);
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

function readField(part: Extract<Multipart, { type: "field" }>): Entry {
  const { value, valueTruncated } = part;
  const fieldname: string | undefined = part.fieldname;
  // The parser's types do not tell that a part may have none.
  if (fieldname === undefined) {
    throw new RequestError("YOLO_REQUEST_INVALID", "Expected a name for each part of the form but one has none.");
  }
  if (typeof value !== "string" || valueTruncated) {
    const message = `Expected a short text for ${JSON.stringify(fieldname.slice(0, 80))}; images belong into parts named ${FILE_FIELD}.`;
    throw new RequestError("YOLO_PARAMETER_INVALID", message);
  }
  return [fieldname, value];
}

/** The errors of the form's parser, in the terms of the error table. */
function asRequestError(error: unknown, tooLarge: () => RequestError): unknown {
  if (error instanceof RequestError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "FST_REQ_FILE_TOO_LARGE":
      return tooLarge();
    case "FST_FILES_LIMIT":
      return new RequestError("YOLO_PARAMETER_INVALID", `Expected at most ${MOST_FILES} images in one request.`);
    case "FST_FIELDS_LIMIT":
    case "FST_PARTS_LIMIT":
      return new RequestError("YOLO_PARAMETER_INVALID", `Expected at most ${MOST_ENTRIES} fields beside the images.`);
    default: {
      const reason = error instanceof Error ? error.message : String(error);
      return new RequestError("YOLO_REQUEST_INVALID", `Expected a well-formed multipart form, but: ${reason}.`, {
        cause: error,
      });
    }
  }
}

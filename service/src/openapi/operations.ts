import { HEADERS, LONGEST_WAIT_MS } from "../../contract.ts";
import type { Config } from "../config.ts";
import { ERRORS, type ErrorCode } from "../errors.ts";
import { type JsonSchema, ref } from "./schemas.ts";

/** A parameter in a query, a header or a path. */
export interface Parameter {
  name: string;
  in: "query" | "header" | "path";
  description: string;
  required?: boolean;
  schema: JsonSchema;
  style?: string;
  explode?: boolean;
}

/** Bodies by content type. */
export type Content = Record<string, { schema?: JsonSchema; encoding?: Record<string, object>; example?: unknown }>;

/** An answer with a status. */
export interface Answer {
  description: string;
  headers?: Record<string, { description: string; schema: JsonSchema }>;
  content?: Content;
}

/** What can be asked at a path by a method. */
export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { description: string; required: boolean; content: Content };
  responses: Record<string, Answer>;
  security?: Record<string, string[]>[];
  "x-codeSamples"?: { lang: string; source: string }[];
}

/** Operations by method, by path. */
export type Paths = Record<string, Partial<Record<"get" | "post", Operation>>>;

/** What answers to an operation depend on beside the operation itself. */
export type Guards = Pick<Config, "apiKeysFile" | "rateLimitPerMinute">;

/** Can happen to every request, before it is known what it is for. */
const ANYWHERE: readonly ErrorCode[] = [
  "YOLO_REQUEST_INVALID",
  "YOLO_REQUEST_SLOW",
  "YOLO_HEADERS_TOO_LARGE",
  "YOLO_INTERNAL",
];

/** JSON content by the name of its schema. */
export function json(schema: JsonSchema): Content {
  return { "application/json": { schema } };
}

/**
 * The answers that are errors, one for each status of the codes.
 * @param form the Open Inference Protocol has a form of its own
 */
export function errorAnswers(
  codes: readonly ErrorCode[],
  form: "ErrorResponse" | "InferenceError" = "ErrorResponse",
): Record<string, Answer> {
  const byStatus = Map.groupBy(new Set([...codes, ...ANYWHERE]), (code) => ERRORS[code].status);
  return Object.fromEntries([...byStatus].map(([status, given]) => [String(status), errorAnswer(status, given, form)]));
}

function errorAnswer(status: number, codes: readonly ErrorCode[], form: "ErrorResponse" | "InferenceError"): Answer {
  const coded: JsonSchema = {
    allOf: [ref("ErrorResponse")],
    properties: { error: { properties: { code: { enum: [...codes] } } } },
  };
  const retry = { description: "Seconds after which to try again.", schema: { type: "integer" } } as const;
  return {
    description: codes.map((code) => `${code}: ${ERRORS[code].message}`).join("\n\n"),
    ...(status === 429 || status === 503 ? { headers: { "Retry-After": retry } } : {}),
    content: json(form === "ErrorResponse" ? coded : ref(form)),
  };
}

/** The errors and the security of an operation that keys and rate limits guard. */
export function guarded({ apiKeysFile, rateLimitPerMinute }: Guards): {
  codes: ErrorCode[];
  security?: Record<string, string[]>[];
} {
  const limited: ErrorCode[] = rateLimitPerMinute > 0 ? ["YOLO_RATE_LIMITED"] : [];
  if (apiKeysFile === "") return { codes: limited };
  return { codes: [...limited, "YOLO_KEY_INVALID"], security: [{ apiKey: [] }, { bearer: [] }] };
}

/** Headers that operations take which run a model. */
export const CALLER_HEADERS: Parameter[] = [
  {
    name: HEADERS.timeout,
    in: "header",
    description: "Milliseconds that the caller waits at most; the service gives up then with YOLO_REQUEST_TIMEOUT.",
    schema: { type: "integer", minimum: 1, maximum: LONGEST_WAIT_MS },
  },
  {
    name: HEADERS.requestId,
    in: "header",
    description:
      "Kept in the answer and the log when it is 1 to 128 letters, digits and . _ : + / = -; else made anew.",
    schema: { type: "string" },
  },
];

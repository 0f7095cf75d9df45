import type { ErrorResponse } from "../contract.ts";

/** What the client itself reports, beside the codes of the service's error table. */
export const CLIENT_CODES = {
  /** No connection, or it broke before the whole answer was there. */
  unreachable: "YOLO_SERVICE_UNREACHABLE",
  /** `timeoutMs` passed. */
  late: "YOLO_ANSWER_LATE",
  /** What came is no answer of the service; something else listens there, or stands between. */
  invalid: "YOLO_ANSWER_INVALID",
  /** A stream ended before all its answers were there. */
  closed: "YOLO_STREAM_CLOSED",
} as const;

/** What is known about a failure. */
export interface YoloErrorFields extends ErrorOptions {
  status?: number | undefined;
  requestId?: string | undefined;
  retryAfterSeconds?: number | undefined;
}

/** A request that was not answered with a result. */
export class YoloError extends Error {
  override readonly name = "YoloError";
  /** Code of the service's error table (docs/api.md), or one of `CLIENT_CODES`. */
  readonly code: string;
  /** HTTP status; missing where there was no answer. */
  readonly status: number | undefined;
  /** By which the service's log knows the request. */
  readonly requestId: string | undefined;
  /** Seconds after which the service would like to be asked again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: string,
    message: string,
    { status, requestId, retryAfterSeconds, ...options }: YoloErrorFields = {},
  ) {
    super(message, options);
    this.code = code;
    this.status = status;
    this.requestId = requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The error in the body of an answer, where it has the service's shape. */
export function readErrorBody(text: string): ErrorResponse["error"] | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { error } = (body ?? {}) as { error?: Partial<ErrorResponse["error"]> | null };
  if (typeof error?.code !== "string" || typeof error.message !== "string") return undefined;
  return { code: error.code, message: error.message, requestId: String(error.requestId ?? "") };
}

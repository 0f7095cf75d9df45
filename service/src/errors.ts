/** Every failure that a caller can see: the HTTP status, and the message where the thrower has no better one. */
export const ERRORS = {
  YOLO_REQUEST_INVALID: { status: 400, message: "Expected a well-formed HTTP request." },
  YOLO_PARAMETER_INVALID: { status: 400, message: "Expected valid parameters." },
  YOLO_IMAGE_EMPTY: { status: 400, message: "Expected an image in the request, but there is none." },
  YOLO_IMAGE_UNREADABLE: { status: 400, message: "Expected an image in the request, but it cannot be decoded." },
  YOLO_TENSOR_INVALID: { status: 400, message: "Expected tensors as the model's metadata describes them." },
  YOLO_URL_FAILED: { status: 400, message: "Expected an image at the given URL, but it cannot be fetched." },
  YOLO_KEY_INVALID: { status: 401, message: "Expected a valid key in the x-api-key header." },
  YOLO_ORIGIN_REFUSED: { status: 403, message: "Pages of this origin may not open a stream; see CORS_ORIGINS." },
  YOLO_URL_REFUSED: { status: 403, message: "Images are not fetched from this address." },
  YOLO_ROUTE_UNKNOWN: { status: 404, message: "There is nothing at this path for this method." },
  YOLO_MODEL_UNKNOWN: { status: 404, message: "There is no model of this name." },
  YOLO_METHOD_UNSUPPORTED: { status: 405, message: "This path is for other methods; the Allow header lists them." },
  YOLO_NOT_ACCEPTABLE: { status: 406, message: "Expected application/json or image/jpeg to be accepted." },
  YOLO_REQUEST_SLOW: { status: 408, message: "Expected the whole request in time." },
  YOLO_BODY_TOO_LARGE: { status: 413, message: "Expected a smaller request body." },
  YOLO_IMAGE_TOO_LARGE: { status: 413, message: "Expected an image of fewer pixels." },
  YOLO_MEDIA_TYPE_UNSUPPORTED: { status: 415, message: "Expected an image's content type." },
  YOLO_RATE_LIMITED: { status: 429, message: "Too many requests in this minute; try again later." },
  YOLO_HEADERS_TOO_LARGE: { status: 431, message: "Expected smaller request headers." },
  YOLO_INTERNAL: { status: 500, message: "The service failed; its log says why, under this request id." },
  YOLO_NOT_READY: { status: 503, message: "The service is starting or stopping." },
  YOLO_QUEUE_FULL: { status: 503, message: "Too many requests are waiting; try again later." },
  YOLO_REQUEST_TIMEOUT: { status: 503, message: "The request waited too long for a worker; try again later." },
} as const satisfies Record<`YOLO_${string}`, { status: number; message: string }>;

/** Code of an error that a caller can see. */
export type ErrorCode = keyof typeof ERRORS;

/** Seconds after which a caller that got 503 should try again. */
const RETRY_AFTER_SECONDS = 1;

/** A failure with a code from the error table; its message goes to the caller, its cause to the log only. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly code: ErrorCode;
  /** Seconds after which the caller should try again; sent with 429 and 503. */
  readonly retryAfterSeconds: number;

  constructor(
    code: ErrorCode,
    message: string = ERRORS[code].message,
    { retryAfterSeconds = RETRY_AFTER_SECONDS, ...options }: ErrorOptions & { retryAfterSeconds?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A reason why the service cannot start that its operator can mend: printed as it is, without a stack trace. */
export class StartError extends Error {
  override readonly name = "StartError";
}

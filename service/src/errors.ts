/** Every failure that a caller can see: the HTTP status, and the message where the thrower has no better one. */
export const ERRORS = {
  YOLO_REQUEST_INVALID: { status: 400, message: "Expected a well-formed HTTP request." },
  YOLO_PARAMETER_INVALID: { status: 400, message: "Expected valid query parameters." },
  YOLO_IMAGE_EMPTY: { status: 400, message: "Expected an image as the request body, but it is empty." },
  YOLO_IMAGE_UNREADABLE: { status: 400, message: "Expected an image as the request body, but it cannot be decoded." },
  YOLO_KEY_INVALID: { status: 401, message: "Expected a valid key in the x-api-key header." },
  YOLO_ROUTE_UNKNOWN: { status: 404, message: "There is nothing at this path for this method." },
  YOLO_REQUEST_SLOW: { status: 408, message: "Expected the whole request in time." },
  YOLO_BODY_TOO_LARGE: { status: 413, message: "Expected a smaller request body." },
  YOLO_IMAGE_TOO_LARGE: { status: 413, message: "Expected an image of fewer pixels." },
  YOLO_MEDIA_TYPE_UNSUPPORTED: { status: 415, message: "Expected an image's content type." },
  YOLO_HEADERS_TOO_LARGE: { status: 431, message: "Expected smaller request headers." },
  YOLO_INTERNAL: { status: 500, message: "The service failed; its log says why, under this request id." },
  YOLO_NOT_READY: { status: 503, message: "The service is starting or stopping." },
  YOLO_QUEUE_FULL: { status: 503, message: "Too many requests are waiting; try again later." },
  YOLO_REQUEST_TIMEOUT: { status: 503, message: "The request waited too long for a worker; try again later." },
} as const satisfies Record<`YOLO_${string}`, { status: number; message: string }>;

/** Code of an error that a caller can see. */
export type ErrorCode = keyof typeof ERRORS;

/** Seconds after which a caller that got 503 should try again. */
export const RETRY_AFTER_SECONDS = 1;

/** A failure with a code from the error table; its message goes to the caller. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string = ERRORS[code].message, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A reason why the service cannot start that its operator can mend: printed as it is, without a stack trace. */
export class StartError extends Error {
  override readonly name = "StartError";
}

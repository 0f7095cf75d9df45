// What the page asks the service, and what can go wrong with it.

/** @import { ErrorResponse, InfoResponse, PredictResponse } from "../contract.ts" */

/** Lowest confidence that the page asks for; its slider filters what came, without asking again. */
export const LEAST_CONFIDENCE = 0.1;

/** Content types that the service takes by their name. */
const TYPES = new Set(["image/jpeg", "image/png", "image/webp", "image/avif", "image/gif", "image/tiff"]);

/** Milliseconds until an answer is given up; longer than the service's own limit. */
const PATIENCE_MS = 60_000;

/** What a person is told first, by the code of the error; the service's own message follows. */
const TITLES = /** @type {Readonly<Record<string, string>>} */ ({
  YOLO_REQUEST_INVALID: "The service did not understand this request",
  YOLO_PARAMETER_INVALID: "The service does not take this setting",
  YOLO_IMAGE_EMPTY: "This file is empty",
  YOLO_IMAGE_UNREADABLE: "This is no picture that can be read",
  YOLO_KEY_INVALID: "The API key is missing or not valid",
  YOLO_ORIGIN_REFUSED: "The service does not let this page open a stream",
  YOLO_MODEL_UNKNOWN: "The service has no such model",
  YOLO_REQUEST_SLOW: "The upload took too long",
  YOLO_BODY_TOO_LARGE: "This file is too large",
  YOLO_IMAGE_TOO_LARGE: "This picture has too many pixels",
  YOLO_MEDIA_TYPE_UNSUPPORTED: "This kind of file is not supported",
  YOLO_RATE_LIMITED: "Too many requests in this minute",
  YOLO_INTERNAL: "The service failed",
  YOLO_NOT_READY: "The service is starting or stopping",
  YOLO_QUEUE_FULL: "The service is busy",
  YOLO_REQUEST_TIMEOUT: "The service is too busy to answer in time",
});

/** A failure in words for the person at the page. */
export class Problem extends Error {
  /**
   * @param {string} title
   * @param {string} message
   * @param {{ code?: string, requestId?: string }} [detail]
   */
  constructor(title, message, { code = "", requestId = "" } = {}) {
    super(message);
    this.title = title;
    this.code = code;
    this.requestId = requestId;
  }
}

/**
 * A failure that the service reported by its error table.
 * @param {ErrorResponse["error"]} error
 */
export function problemOf({ code, message, requestId }) {
  return new Problem(TITLES[code] ?? "The service refused this", message, { code, requestId });
}

/**
 * The address of a path of the service, wherever the page itself is served.
 * @param {string} path
 * @param {Record<string, string | number | undefined>} [parameters]
 */
export function address(path, parameters = {}) {
  const url = new URL(path.replace(/^\//, ""), document.baseURI);
  url.hash = "";
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
  }
  return url;
}

/**
 * The content type that a file is sent with.
 * @param {Blob} file
 */
export function contentType(file) {
  return TYPES.has(file.type) ? file.type : "application/octet-stream";
}

/**
 * The models that the service runs.
 * @param {string} key
 * @returns {Promise<InfoResponse>}
 */
export async function fetchInfo(key) {
  return (await ask(address("info"), { headers: keyHeader(key) })).json();
}

/**
 * Sends a photo; the time is from before the upload to after the whole answer.
 * @param {Blob} photo
 * @param {{ model: string | undefined, key: string }} options
 * @returns {Promise<{ answer: PredictResponse, milliseconds: number }>}
 */
export async function predict(photo, { model, key }) {
  const headers = { ...keyHeader(key), "content-type": contentType(photo) };
  const started = performance.now();
  const response = await ask(address("predict", { conf: LEAST_CONFIDENCE, model }), {
    method: "POST",
    headers,
    body: photo,
  });
  const answer = await response.json();
  return { answer, milliseconds: performance.now() - started };
}

/**
 * @param {string} key
 * @returns {Record<string, string>}
 */
function keyHeader(key) {
  return key === "" ? {} : { "x-api-key": key };
}

/**
 * @param {URL} url
 * @param {RequestInit} init
 */
async function ask(url, init) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS), credentials: "same-origin" });
  } catch (error) {
    const slow = error instanceof DOMException && error.name === "TimeoutError";
    throw slow
      ? new Problem("No answer came", `The service did not answer within ${PATIENCE_MS / 1000} seconds.`)
      : new Problem(
          "The service cannot be reached",
          "Check that it is running and that you are online, then try again.",
        );
  }
  if (response.ok) return response;
  const body = /** @type {Partial<ErrorResponse>} */ (await response.json().catch(() => ({})));
  if (body.error === undefined) {
    throw new Problem(
      "Something between here and the service failed",
      `It answered with HTTP status ${response.status}.`,
    );
  }
  throw problemOf(body.error);
}

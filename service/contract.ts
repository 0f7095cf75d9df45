/**
 * The contract between the detection service and everything that runs, probes, scales or watches it.
 *
 * Every port, path, environment key, header and metric is named here once. The server implements these names and the
 * infrastructure is typed by them, so that a rename breaks the compile on both sides. This file imports nothing.
 */

/** TCP ports that the service listens on, by the name that Kubernetes gives them. */
export const PORTS = { http: 8080 } as const;

/** HTTP paths of the service. The three probes have a path each, because they answer three different questions. */
export const PATHS = {
  /** `POST` one image or several, get what was found as JSON, or drawn. */
  predict: "/predict",
  /** WebSocket: video frames in, what was found in each out. */
  stream: "/stream",
  /** Root of the Open Inference Protocol v2, as KServe and Triton speak it. */
  inferenceProtocol: "/v2",
  /** The OpenAPI document, and the page that shows it. */
  openapi: "/openapi.json",
  docs: "/docs",
  /** The page where a person tries the service. */
  page: "/",
  /** 200 once every model is loaded and warmed up, 503 before. */
  startup: "/health/startup",
  /** 200 while an inference worker still answers; a failure means that the process must be restarted. */
  live: "/health/live",
  /** 200 while new requests are welcome; 503 during start and while draining. */
  ready: "/health/ready",
  /** Prometheus metrics in text format. */
  metrics: "/metrics",
  /** The models, the execution provider and the versions that are running, as JSON. */
  info: "/info",
} as const;

/** HTTP headers that the service reads or writes beyond the standard ones. */
export const HEADERS = {
  requestId: "x-request-id",
  apiKey: "x-api-key",
  /** Milliseconds that the caller waits at most; the service gives up then, or after its own limit if that is shorter. */
  timeout: "x-request-timeout-ms",
} as const;

/** Longest time that a caller may say it waits, in milliseconds. */
export const LONGEST_WAIT_MS = 600_000;

/** Environment keys that configure the service. All are plain text; a unit is part of the name. */
export const ENVIRONMENT = {
  /**
   * The models, with commas between, the default one first: `NAME=URI@sha256:HEX`. The URI is a `file:`, `https:` or `s3:`
   * address, the 64 lower-case hexadecimal digits are the digest that the file must have.
   */
  models: "MODELS",
  /** Folder that keeps models which were downloaded. */
  modelCacheDir: "MODEL_CACHE_DIR",
  /** ONNX Runtime execution provider: cpu, cuda or tensorrt. */
  executionProvider: "EXECUTION_PROVIDER",
  /** Processors that inference may use; at least 1. */
  threads: "THREADS",
  /** Inference worker threads, each with a session of its own; at least 1. */
  workers: "WORKERS",
  /** Most images that one run of the model takes together. */
  maxBatch: "MAX_BATCH",
  /** Milliseconds that an image waits for others to share its run with. */
  maxBatchDelayMs: "MAX_BATCH_DELAY_MS",
  /** Requests that may wait for a worker; one more is answered 503 with Retry-After. */
  queueLimit: "QUEUE_LIMIT",
  /** Milliseconds from receiving a request to giving up on it with 503. */
  requestTimeoutMs: "REQUEST_TIMEOUT_MS",
  /** Largest request body in bytes; a larger one is answered 413. */
  bodyLimitBytes: "BODY_LIMIT_BYTES",
  /** Largest image in pixels (width x height), some of which count several times; a larger one is answered 413. */
  pixelLimit: "PIXEL_LIMIT",
  /** How images are scaled: `exact` as OpenCV does, bit for bit, or `fast` by decoding large photos smaller. */
  resize: "RESIZE",
  /** Host names from which images are fetched for callers that send a URL; none when empty. */
  fetchHosts: "FETCH_HOSTS",
  /** Origins of web pages that may call the service; none when empty, all when `*`. */
  corsOrigins: "CORS_ORIGINS",
  /** Path of the file with the API keys, as `SECRETS.apiKeys` describes it; no key is asked for when empty. */
  apiKeysFile: "API_KEYS_FILE",
  /** Requests that one API key, or one address where none is asked for, may send in a minute; no limit when 0. */
  rateLimitPerMinute: "RATE_LIMIT_PER_MINUTE",
  /** Address to which traces are sent, by its standard name; none are when empty. */
  otlpEndpoint: "OTEL_EXPORTER_OTLP_ENDPOINT",
  /** Whether `/` and `/docs` are served: `on` or `off`. */
  page: "PAGE",
  /** Lowest level that is logged: trace, debug, info, warn, error or fatal. */
  logLevel: "LOG_LEVEL",
} as const;

/** What decoding takes at most, on which the memory limit of pods rests. */
export const DECODING = {
  /** Bytes for each pixel of `ENVIRONMENT.pixelLimit`; the service counts a pixel of costlier formats several times. */
  bytesPerPixel: 12,
  /** Images of a batch that a worker decodes at a time. */
  imagesAtOnce: 4,
  /** Bytes for each pixel of an image that was decoded and waits for the others of its batch. */
  decodedBytesPerPixel: 3,
  /** Bytes of such images from which a worker runs them without waiting for more. */
  decodedBytes: 268_435_456,
} as const;

/** What the one drawing that is made at a time takes at most beyond decoding its photo. */
export const DRAWING = {
  /** Pixels of the largest drawing; a larger photo is drawn smaller. */
  mostPixels: 8_300_000,
  /** Bytes for each pixel of the drawing. */
  bytesPerPixel: 24,
} as const;

/** A value for every environment key of the service; a missing one does not compile. */
export type Environment<Value> = Record<(typeof ENVIRONMENT)[keyof typeof ENVIRONMENT], Value>;

/**
 * Secrets of the service, by the key of the Secret that holds them. They are mounted as files, so that a change is read
 * without a restart.
 */
export const SECRETS = {
  /** Lines `NAME:HEX`: who may call, and the SHA-256 of the key they send in `x-api-key`. */
  apiKeys: "api-keys",
} as const;

/** A line of `SECRETS.apiKeys`; empty lines and those that begin with `#` are none. */
export const API_KEY_LINE = /^(?<name>[A-Za-z0-9][A-Za-z0-9._-]{0,62}):(?<digest>[0-9a-f]{64})$/;

/** Most keys in `SECRETS.apiKeys`: each request is compared with all of them, which takes well under a millisecond. */
export const MOST_API_KEYS = 1000;

/** Largest `SECRETS.apiKeys` in bytes: what a Secret of Kubernetes holds. */
export const MOST_API_KEY_BYTES = 1_048_576;

/**
 * An origin of `CORS_ORIGINS` as browsers write it, or `*`: a host in lower case, and no port where it is the scheme's own.
 * Source: https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
 */
export const ORIGIN =
  /^(?:\*|(?!http:.*:80$|https:.*:443$)https?:\/\/(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[1-9]\d{0,4})?)$/;

/** A value for every secret of the service. */
export type Secrets<Value> = Record<(typeof SECRETS)[keyof typeof SECRETS], Value>;

/** Names of the Prometheus metrics, with their labels in the comment. */
export const METRICS = {
  /** Counter: requests answered, by `route` and `code`. */
  requests: "yolo_requests_total",
  /** Histogram: seconds from a request's arrival to its answer, by `route`. */
  requestDuration: "yolo_request_duration_seconds",
  /** Gauge: requests being worked on. */
  inFlight: "yolo_requests_in_flight",
  /** Gauge: open `/stream` connections. */
  streams: "yolo_streams",
  /** Gauge: requests waiting for a worker. */
  queueDepth: "yolo_queue_depth",
  /** Histogram: seconds that a request waited for a worker. */
  queueWait: "yolo_queue_wait_seconds",
  /** Histogram: images that shared a run of the model, by `model`. */
  batchSize: "yolo_batch_size",
  /** Histogram: seconds per `stage` (`preprocess`, `inference`, `postprocess`, `drawing`), by `model`. */
  stageDuration: "yolo_stage_duration_seconds",
  /** Counter: objects detected, by `model` and `class`. */
  detections: "yolo_detections_total",
  /** Gauge, always 1: a loaded model, by `model`, `sha256`, `task`, `layout` and `provider`. */
  modelInfo: "yolo_model_info",
  /** Counter: inference workers replaced after they died. */
  workerRestarts: "yolo_worker_restarts_total",
} as const;

/** Facts about the container that both its image and its pod must agree on. */
export const CONTAINER = {
  /** User and group id that the service runs as. */
  uid: 65532,
  /** Folder in the image that holds the application. */
  appDir: "/app",
  /** Folder where the model volume is mounted, read-only. */
  modelDir: "/models",
  /** Folder where the Secret is mounted, read-only. */
  secretDir: "/etc/yolo",
  /** The one writable folder. */
  tmpDir: "/tmp",
} as const;

/** What a model does: find boxes, masks, keypoints or rotated boxes, or name the whole image. */
export type TaskName = "detect" | "segment" | "pose" | "obb" | "classify";

/** Where an object is, in pixels of the image as it was sent; (0, 0) is the top left corner. Shares of its size when normalized. */
export interface Box {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** The four corners of a rotated box, one after the other around it. */
export interface OrientedBox extends Box {
  x3: number;
  y3: number;
  x4: number;
  y4: number;
}

/** The pixels of an object as COCO's compressed run-length encoding, column by column over the whole image. */
export interface RunLengthMask {
  size: [height: number, width: number];
  counts: string;
}

/** One object, or for `classify` one class. */
export interface Detection {
  /** Index of the class in the model's own list. */
  class: number;
  /** Name of the class. */
  name: string;
  /** From 0 to 1. */
  confidence: number;
  /** Missing for `classify`. */
  box?: Box | OrientedBox;
  /** `segment`: the outline of the object's largest part. */
  segments?: { x: number[]; y: number[] };
  /** `segment`, where the request asks for it with `masks=rle`. */
  mask?: RunLengthMask;
  /** `pose`: where each keypoint is, and how sure the model is that it can be seen, from 0 to 1. */
  keypoints?: { x: number[]; y: number[]; visible: number[] };
  /** `/stream`: the same number in every frame of a stream for the same object. */
  track_id?: number;
}

/** Milliseconds spent per stage. */
export interface Speed {
  /** Decoding, resizing and normalizing. */
  preprocess: number;
  inference: number;
  postprocess: number;
}

/** What was found in one image. */
export interface ImageResult {
  /** Height and width of the image in pixels, in this order. */
  shape: [height: number, width: number];
  results: Detection[];
  speed: Speed;
}

/** The answer of `POST /predict`, in the shape of the Ultralytics Platform. */
export interface PredictResponse {
  /** One for each image, in the order in which they were sent. */
  images: ImageResult[];
  metadata: { model: string; task: TaskName; imageCount: number; version: string };
}

/** What a client of `/stream` gets: an answer to a frame, or why there is none. */
export type StreamMessage =
  | { type: "result"; frame: number; skipped: number; image: ImageResult }
  | { type: "error"; frame: number; error: ErrorResponse["error"] };

/** The answer of `GET /info`. */
export interface InfoResponse {
  models: {
    name: string;
    sha256: string;
    task: TaskName;
    layout: string;
    input: { width: number; height: number; dynamic: boolean };
    /** Class names by index. */
    names: string[];
  }[];
  provider: string;
  workers: number;
  threads: number;
  versions: Record<"service" | "node" | "onnxruntime" | "sharp" | "libvips", string>;
}

/** The body of every answer that is not 2xx. */
export interface ErrorResponse {
  error: { code: string; message: string; requestId: string };
}

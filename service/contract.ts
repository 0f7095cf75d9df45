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
  /** `POST` an image, get detections as JSON. */
  predict: "/predict",
  /** 200 once the model is loaded and warmed up, 503 before. */
  startup: "/health/startup",
  /** 200 while an inference worker still answers; a failure means that the process must be restarted. */
  live: "/health/live",
  /** 200 while new requests are welcome; 503 during start and while draining. */
  ready: "/health/ready",
  /** Prometheus metrics in text format. */
  metrics: "/metrics",
  /** The model, the execution provider and the versions that are running, as JSON. */
  info: "/info",
} as const;

/** HTTP headers that the service reads or writes beyond the standard ones. */
export const HEADERS = { requestId: "x-request-id", apiKey: "x-api-key" } as const;

/** Environment keys that configure the service. All are plain text; a unit is part of the name. */
export const ENVIRONMENT = {
  /** Path of the ONNX file. */
  modelPath: "MODEL_PATH",
  /** Expected SHA-256 of the ONNX file, 64 lower-case hexadecimal digits. */
  modelSha256: "MODEL_SHA256",
  /** Name under which the model is reported. */
  modelName: "MODEL_NAME",
  /** Number of inference worker threads, each with a session of its own; at least 1. */
  workers: "WORKERS",
  /** Number of ONNX Runtime threads in each worker; at least 1. */
  threadsPerWorker: "THREADS_PER_WORKER",
  /** Requests that may wait for a worker; one more is answered 503 with Retry-After. */
  queueLimit: "QUEUE_LIMIT",
  /** Milliseconds from receiving a request to giving up on it with 503. */
  requestTimeoutMs: "REQUEST_TIMEOUT_MS",
  /** Largest request body in bytes; a larger one is answered 413. */
  bodyLimitBytes: "BODY_LIMIT_BYTES",
  /** Largest decoded image in pixels (width x height); a larger one is answered 413. */
  pixelLimit: "PIXEL_LIMIT",
  /** Lowest level that is logged: trace, debug, info, warn, error or fatal. */
  logLevel: "LOG_LEVEL",
} as const;

/** Environment keys whose values are secret. They come from a Secret, never from a ConfigMap. */
export const SECRET_ENVIRONMENT = {
  /** Comma-separated API keys of which `/predict` wants one in `x-api-key`; empty means that no key is asked for. */
  apiKeys: "API_KEYS",
} as const;

/** A value for every environment key of the service; a missing one does not compile. */
export type Environment<Value> = Record<(typeof ENVIRONMENT)[keyof typeof ENVIRONMENT], Value>;

/** A value for every secret environment key of the service. */
export type SecretEnvironment<Value> = Record<(typeof SECRET_ENVIRONMENT)[keyof typeof SECRET_ENVIRONMENT], Value>;

/** Names of the Prometheus metrics, with their labels in the comment. */
export const METRICS = {
  /** Counter: requests answered, by `route` and `code`. */
  requests: "yolo_requests_total",
  /** Gauge: requests being worked on. */
  inFlight: "yolo_requests_in_flight",
  /** Gauge: requests waiting for a worker. */
  queueDepth: "yolo_queue_depth",
  /** Histogram: seconds that a request waited for a worker. */
  queueWait: "yolo_queue_wait_seconds",
  /** Histogram: seconds per `stage` (`preprocess`, `inference`, `postprocess`). */
  stageDuration: "yolo_stage_duration_seconds",
  /** Counter: objects detected, by `class`. */
  detections: "yolo_detections_total",
  /** Gauge, always 1: the loaded model, by `model`, `sha256`, `layout` and `provider`. */
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
  /** The one writable folder. */
  tmpDir: "/tmp",
} as const;

/** Where a detected object is, in pixels of the image as it was sent; (0, 0) is the top left corner. */
export interface Box {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** One detected object. */
export interface Detection {
  /** Index of the class in the model's own list. */
  class: number;
  /** Name of the class. */
  name: string;
  /** From 0 to 1. */
  confidence: number;
  box: Box;
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
  images: ImageResult[];
  metadata: { model: string; task: "detect"; imageCount: number; version: string };
}

/** The body of every answer that is not 2xx. */
export interface ErrorResponse {
  error: { code: string; message: string; requestId: string };
}

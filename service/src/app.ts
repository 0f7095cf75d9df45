import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from "fastify";
import { type ErrorResponse, HEADERS } from "../contract.ts";
import { addAccess } from "./access/index.ts";
import type { Config } from "./config.ts";
import { Traffic } from "./drain.ts";
import { ERRORS, type ErrorCode, RequestError } from "./errors.ts";
import { addHeldBytes } from "./held-bytes.ts";
import { refuseConnection } from "./refusal.ts";
import { addHealth } from "./routes/health.ts";
import { addInferenceProtocol } from "./routes/inference-protocol/routes.ts";
import { addInfo } from "./routes/info.ts";
import { addRouteErrors } from "./routes/methods.ts";
import { addMetrics } from "./routes/metrics.ts";
import { addOpenapi } from "./routes/openapi.ts";
import { addPage } from "./routes/page.ts";
import { addPredict } from "./routes/predict.ts";
import { addStream, isStreamUpgrade } from "./routes/stream.ts";
import type { State } from "./state.ts";
import { addTelemetry } from "./telemetry/index.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";
import { startTracing } from "./telemetry/tracing.ts";
import { IMAGE_TYPES } from "./vision/decode.ts";

/** What every route may use. */
export interface AppContext {
  config: Config;
  state: State;
  metrics: Metrics;
}

/** Milliseconds that a caller may take to send its headers, and its whole request; looked at once a second. */
const RECEIVE_MS = { headers: 10_000, request: 60_000, look: 1_000 } as const;

/** Milliseconds that a caller may leave an answer unread. */
const UNREAD_MS = 60_000;

/** Connections at once, beside one for each request that may wait; one more is closed at once. */
export const MOST_CONNECTIONS = 1_024;

/** Longer than load balancers keep idle connections (AWS: 60 s), so that they, not we, close them; in milliseconds. */
const KEEP_ALIVE_MS = 75_000;

/** Request ids of callers that are kept; anything else is replaced, so that logs cannot be forged. */
const REQUEST_ID = /^[\w.:+/=-]{1,128}$/;

/**
 * Builds the service's HTTP side around a state, without listening.
 * @throws StartError when the file of API keys cannot be used
 */
export async function buildApp(
  config: Config,
  state: State,
  logger?: FastifyBaseLogger,
): Promise<{ app: FastifyInstance; metrics: Metrics; traffic: Traffic }> {
  const metrics = createMetrics(() => state.engine);
  const app = fastify({
    ...(logger === undefined ? { logger: { level: config.logLevel } } : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    bodyLimit: config.bodyLimitBytes,
    requestTimeout: RECEIVE_MS.request,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Nothing moves on a connection while its request is worked on, either.
    connectionTimeout: config.requestTimeoutMs + UNREAD_MS,
    http: {
      headersTimeout: RECEIVE_MS.headers,
      connectionsCheckingInterval: RECEIVE_MS.look,
      // Node's own refusal has no body; a hook refuses instead.
      requireHostHeader: false,
      shouldUpgradeCallback: isStreamUpgrade,
    },
    // While draining, requests on open connections are served to the end.
    return503OnClosing: false,
    genReqId: ({ headers }) => {
      const given = headers[HEADERS.requestId];
      return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
    },
    frameworkErrors: (error, request, reply) => {
      answerError(config, error, request, reply);
    },
    clientErrorHandler: answerBrokenRequest,
  });
  app.server.maxConnections = MOST_CONNECTIONS + config.queueLimit;
  const traffic = new Traffic(app.server);
  // Unknown ones may be ignored (https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1); Node would answer 417 without a body.
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));
  app.removeAllContentTypeParsers();
  app.setErrorHandler<FastifyError>((error, request, reply) => answerError(config, error, request, reply));
  app.setNotFoundHandler((request, reply) => answerError(config, app.routeError(request, reply), request, reply));
  app.addHook("onRequest", async (request, reply) => {
    reply.header(HEADERS.requestId, request.id);
  });
  app.addHook("onSend", async (_request, reply) => {
    if (state.phase === "draining") reply.header("connection", "close");
  });
  const tracing = config.otlpEndpoint === "" ? undefined : await startTracing(config.otlpEndpoint, app.log);
  if (tracing !== undefined) app.addHook("onClose", () => tracing.close());
  addTelemetry(app, metrics, tracing);
  await addAccess(app, config);
  app.addHook("onRequest", async (request) => {
    // https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    if (request.headers.host === undefined && request.raw.httpVersion === "1.1") {
      throw new RequestError("YOLO_REQUEST_INVALID", "Expected a Host header but there is none.");
    }
  });
  addRouteErrors(app);
  const held = addHeldBytes(app, config);
  const context: AppContext = { config, state, metrics };
  await addStream(app, context, held);
  addPage(app, context);
  addPredict(app, context);
  addInferenceProtocol(app, context);
  addHealth(app, context);
  addMetrics(app, context);
  addInfo(app, context);
  addOpenapi(app, context);
  return { app, metrics, traffic };
}

/** Fastify's own errors that deserve a better message than "malformed", by its code. */
function fromFastify(config: Config, error: FastifyError): RequestError {
  switch (error.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new RequestError("YOLO_BODY_TOO_LARGE", `Expected a body of at most ${config.bodyLimitBytes} bytes.`);
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE": {
      const types = [...IMAGE_TYPES, "application/octet-stream", "multipart/form-data"].join(", ");
      return new RequestError("YOLO_MEDIA_TYPE_UNSUPPORTED", `Expected one of ${types} as content-type.`);
    }
    default: {
      const fault = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500;
      return fault
        ? new RequestError("YOLO_REQUEST_INVALID", error.message)
        : new RequestError("YOLO_INTERNAL", undefined, { cause: error });
    }
  }
}

/**
 * Answers a request with what went wrong.
 * @param bodyOf makes the answer's body; that of the contract when missing
 */
export function answerError(
  config: Config,
  thrown: Error,
  request: FastifyRequest,
  reply: FastifyReply,
  bodyOf: (error: RequestError) => unknown = ({ code, message }) => errorBody(code, message, request.id),
): FastifyReply | undefined {
  // Nobody is left to answer; fastify must still be told that the request is over.
  if (request.raw.destroyed && reply.raw.destroyed) {
    reply.hijack();
    return undefined;
  }
  const error = thrown instanceof RequestError ? thrown : fromFastify(config, thrown as FastifyError);
  const { status } = ERRORS[error.code];
  // Again, because no hook runs for an address that cannot be read.
  reply.header(HEADERS.requestId, request.id);
  if (status === 500) request.log.error({ err: error.cause }, "request failed");
  if (status === 503 || status === 429) reply.header("retry-after", error.retryAfterSeconds);
  if (status === 401) reply.header("www-authenticate", `ApiKey header="${HEADERS.apiKey}"`);
  return reply.status(status).send(bodyOf(error));
}

function errorBody(code: ErrorCode, message: string, requestId: string): ErrorResponse {
  return { error: { code, message, requestId } };
}

const PARSER_ERRORS: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: "YOLO_HEADERS_TOO_LARGE",
  ERR_HTTP_REQUEST_TIMEOUT: "YOLO_REQUEST_SLOW",
};

/** Answers what is no HTTP request at all. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET") socket.destroy();
  else refuseConnection(socket, PARSER_ERRORS[error.code ?? ""] ?? "YOLO_REQUEST_INVALID");
}

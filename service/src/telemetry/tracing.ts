import type { Attributes } from "@opentelemetry/api";
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from "fastify";
import { RequestError } from "../errors.ts";
import { VERSION } from "../version.ts";
import type { RunFacts } from "./records.ts";

/** Milliseconds that the end of the service waits for the last spans to be sent. */
const FLUSH_MS = 1_000;

/** Sends what happens to requests as OpenTelemetry traces. */
export interface Tracing {
  /** Begins the span of a request, below the caller's own where it sends a `traceparent`. */
  begin(request: FastifyRequest): RequestTrace;
  /** Sends what is not sent yet, for a second at most. */
  close(): Promise<void>;
}

/** The spans of one request. */
export interface RequestTrace {
  /** 32 hexadecimal digits, by which a log line and its trace find each other. */
  id: string;
  /** Begins the spans of one run of a model; what is returned ends them. */
  run(): (facts: RunFacts, error?: unknown) => void;
  /** Ends the request's span. */
  end(request: FastifyRequest, reply: FastifyReply): void;
}

/**
 * Starts to send traces by OTLP over HTTP to `endpoint`. OpenTelemetry's own variables apply, such as OTEL_SERVICE_NAME,
 * OTEL_RESOURCE_ATTRIBUTES, OTEL_EXPORTER_OTLP_HEADERS and OTEL_TRACES_SAMPLER
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
 */
export async function startTracing(endpoint: string, log: FastifyBaseLogger): Promise<Tracing> {
  // Not at the top: this costs memory and a part of a second, which a service without traces must not pay.
  const [api, sdk, exporter, resources] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace-node"),
    import("@opentelemetry/exporter-trace-otlp-proto"),
    import("@opentelemetry/resources"),
  ]);
  const { defaultTextMapGetter, diag, DiagLogLevel, propagation, ROOT_CONTEXT, SpanKind, trace } = api;
  const report = (message: string) => log.warn({ reason: message }, "traces cannot be sent");
  const quiet = () => {};
  diag.setLogger(
    { error: report, warn: report, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const resource = resources
    .defaultResource()
    .merge(resources.resourceFromAttributes({ "service.name": "yolo", "service.version": VERSION }))
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
  // An address for traces alone, which is used as it is, goes before the one for everything.
  const url = process.env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? `${endpoint.replace(/\/$/, "")}/v1/traces`;
  const processor = new sdk.BatchSpanProcessor(new exporter.OTLPTraceExporter({ url }));
  const provider = new sdk.NodeTracerProvider({ resource, spanProcessors: [processor] });
  // For the propagator; the context is carried by records.ts.
  provider.register({ contextManager: null });
  const tracer = provider.getTracer("yolo", VERSION);

  const begin = (request: FastifyRequest): RequestTrace => {
    const parent = propagation.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter);
    const route = request.routeOptions.url;
    const attributes = {
      "http.request.method": request.method,
      "url.path": request.url.split("?")[0] ?? "",
      "url.scheme": request.protocol,
      "yolo.request.id": request.id,
      ...(route !== undefined && { "http.route": route }),
    };
    const name = route === undefined ? request.method : `${request.method} ${route}`;
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes, startTime: now() }, parent);
    const below = trace.setSpan(parent, span);
    return {
      id: span.spanContext().traceId,
      run: () => {
        const startedAt = now();
        return (facts, error) => {
          for (const { name, from, to, attributes } of stages(facts, startedAt, now(), error)) {
            tracer.startSpan(name, { startTime: from, attributes }, below).end(to);
          }
        };
      },
      end: ({ keyName }, { statusCode, raw }) => {
        if (keyName !== null) span.setAttribute("yolo.key.name", keyName);
        if (raw.writableFinished) span.setAttribute("http.response.status_code", statusCode);
        const fault = raw.writableFinished ? statusCode >= 500 && String(statusCode) : "abandoned";
        if (fault !== false) span.setAttribute("error.type", fault).setStatus({ code: api.SpanStatusCode.ERROR });
        span.end(now());
      },
    };
  };
  const close = async () => {
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, FLUSH_MS).unref());
    await Promise.race([provider.shutdown(), timeout]).catch((error: Error) => report(error.message));
  };
  return { begin, close };
}

interface Stage {
  name: string;
  from: number;
  to: number;
  attributes: Attributes;
}

/** A run's stages, reckoned back from its end: a worker tells how long each took, and what is left before was waiting. */
function stages({ model, bytes, width, height, speed }: RunFacts, from: number, to: number, error: unknown): Stage[] {
  const attributes: Attributes = { "yolo.model": model, "yolo.input.bytes": bytes };
  if (error !== undefined) {
    const type = error instanceof RequestError ? error.code : "aborted";
    return [{ name: "run", from, to, attributes: { ...attributes, "error.type": type } }];
  }
  if (speed === undefined) return [{ name: "run", from, to, attributes }];
  if (width !== undefined && height !== undefined) {
    Object.assign(attributes, { "yolo.image.width": width, "yolo.image.height": height });
  }
  const postprocess = to - speed.postprocess;
  const inference = postprocess - speed.inference;
  const preprocess = Math.max(from, inference - speed.preprocess);
  return [
    { name: "queue", from, to: preprocess, attributes },
    { name: "preprocess", from: preprocess, to: inference, attributes },
    { name: "inference", from: inference, to: postprocess, attributes },
    { name: "postprocess", from: postprocess, to, attributes },
  ];
}

/** Milliseconds since 1970, with fractions. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

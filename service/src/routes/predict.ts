import multipart from "@fastify/multipart";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type ImageResult, PATHS, type PredictResponse } from "../../contract.ts";
import { callerOf } from "../access/rate-limit.ts";
import { annotate, LARGEST_DRAWN } from "../annotate.ts";
import type { AppContext } from "../app.ts";
import { RequestError } from "../errors.ts";
import { ImageFetcher } from "../fetching/image-fetcher.ts";
import type { DetectOptions, Findings } from "../inference/messages.ts";
import type { LoadedModel } from "../model/model.ts";
import { toResults } from "../results.ts";
import type { Engine } from "../state.ts";
import { VERSION } from "../version.ts";
import { IMAGE_TYPES } from "../vision/decode.ts";
import { deadline, departure } from "./caller.ts";
import { answerType } from "./predict/accept.ts";
import { detectOptions, type Parameters, queryEntries, readParameters } from "./predict/parameters.ts";
import { readUpload, uploadLimits } from "./predict/upload.ts";

/** Decimals of the coordinates that boxes are drawn by. */
const DRAWN_DECIMALS = 2;

/** A request once everything about it is known. */
interface Order {
  images: Uint8Array[];
  parameters: Parameters;
  loaded: LoadedModel;
  options: DetectOptions;
}

/**
 * Adds `POST /predict`: encoded images in, what was found in them out.
 * @param fetcher gets the images of callers that send an address
 */
export function addPredict(
  app: FastifyInstance,
  context: AppContext,
  fetcher = new ImageFetcher(context.config.fetchHosts, context.config.bodyLimitBytes),
): void {
  const { config, state } = context;
  // In a scope of its own: other routes read other content types.
  app.register(async (scope) => {
    await scope.register(multipart, { limits: uploadLimits(config.bodyLimitBytes) });
    const types = [...IMAGE_TYPES, "application/octet-stream"];
    scope.addContentTypeParser(types, { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.post(PATHS.predict, {
      // Before the body is read: a refusal must not cost an upload.
      onRequest: async () => {
        if (state.engine === undefined) throw new RequestError("YOLO_NOT_READY");
      },
      handler: async (request, reply) => {
        const { engine } = state;
        if (engine === undefined) throw new RequestError("YOLO_NOT_READY");
        context.metrics.inFlight.inc();
        try {
          return await answer(context, engine, fetcher, request, reply);
        } finally {
          context.metrics.inFlight.dec();
        }
      },
    });
  });
}

async function answer(
  { config, metrics }: AppContext,
  engine: Engine,
  fetcher: ImageFetcher,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<PredictResponse | Buffer> {
  const type = answerType(request.headers.accept);
  const signal = departure(reply);
  const { images, fields } = request.isMultipart()
    ? await readUpload(request, reply, config.bodyLimitBytes)
    : { images: request.body instanceof Uint8Array ? [request.body] : [], fields: [] };
  const parameters = readParameters([...queryEntries(request.query), ...fields]);
  const loaded = chooseModel(engine, parameters.model);
  const options = detectOptions(parameters, loaded, config.resize);
  const timeLeft = deadline(request, reply, config.requestTimeoutMs);
  const order = { images: checkImages(images, parameters, type), parameters, loaded, options };
  if (parameters.source !== undefined) {
    order.images = [await fetcher.fetch(parameters.source, { signal, timeoutMs: timeLeft() })];
  }
  const findings = await detectAll(engine, order, {
    signal,
    timeLeft,
    lane: request.keyName ?? callerOf(request.ip),
    concurrency: config.workers * config.maxBatch,
  });
  const results = findings.map((found) => toResult(found, order));
  for (const { results: objects, speed } of results) {
    for (const [stage, milliseconds] of Object.entries(speed)) {
      metrics.stageDuration.observe({ model: loaded.name, stage }, milliseconds / 1000);
    }
    for (const { name } of objects) metrics.detections.inc({ model: loaded.name, class: name });
  }
  reply.type(type);
  if (type === "image/jpeg") return draw(order, findings);
  const { task } = loaded.model;
  return { images: results, metadata: { model: loaded.name, task, imageCount: results.length, version: VERSION } };
}

/**
 * The model that a caller names, or the default one.
 * @throws RequestError YOLO_MODEL_UNKNOWN
 */
export function chooseModel({ models, defaultModel }: Engine, name: string | undefined): LoadedModel {
  const model = name === undefined ? defaultModel : models.get(name);
  if (model !== undefined) return model;
  const message = `Expected one of ${[...models.keys()].join(", ")} for model but received ${JSON.stringify(name)}.`;
  throw new RequestError("YOLO_MODEL_UNKNOWN", message);
}

/** Everything that can be refused before an image costs anything. */
function checkImages(images: Uint8Array[], { source }: Parameters, type: string): Uint8Array[] {
  if (source !== undefined) {
    if (images.length === 0) return images;
    throw new RequestError("YOLO_PARAMETER_INVALID", "Expected either an uploaded image or source but received both.");
  }
  const empty = images.findIndex(({ length }) => length === 0);
  if (images.length === 0 || empty >= 0) {
    const which = images.length > 1 ? `Expected an image in each file, but file ${empty + 1} is empty.` : undefined;
    throw new RequestError("YOLO_IMAGE_EMPTY", which);
  }
  if (type === "image/jpeg" && images.length > 1) {
    const message = `Expected one image for an annotated answer but received ${images.length}; accept application/json for several.`;
    throw new RequestError("YOLO_NOT_ACCEPTABLE", message);
  }
  return images;
}

interface Course {
  /** Aborts when the caller is gone. */
  signal: AbortSignal;
  /** Milliseconds; throws when there are none. */
  timeLeft(): number;
  /** Who must not crowd out others. */
  lane: string;
  /** Images that are looked at together, so that one request does not fill the queue by itself. */
  concurrency: number;
}

async function detectAll({ pool }: Engine, { images, loaded, options }: Order, course: Course): Promise<Findings[]> {
  const failure = new AbortController();
  const signal = AbortSignal.any([course.signal, failure.signal]);
  const findings: Findings[] = [];
  const waiting = images.entries();
  const workers = Array.from({ length: Math.min(course.concurrency, images.length) }, async () => {
    for (const [index, image] of waiting) {
      try {
        const how = { signal, timeoutMs: course.timeLeft(), lane: course.lane };
        findings[index] = await pool.detect(loaded.name, image, options, how);
      } catch (error) {
        // The answer is lost with one image: the others need not be looked at, and all fail for its reason.
        if (!failure.signal.aborted) failure.abort(images.length > 1 ? inFile(error, index) : error);
        throw failure.signal.reason;
      }
    }
  });
  await Promise.all(workers);
  return findings;
}

function inFile(error: unknown, index: number): unknown {
  if (!(error instanceof RequestError)) return error;
  return new RequestError(error.code, `File ${index + 1}: ${error.message}`, { cause: error.cause });
}

function toResult(findings: Findings, { parameters: { normalize, decimals }, loaded }: Order): ImageResult {
  const { width, height, speed } = findings;
  const results = toResults(findings, loaded.model.names, { normalize, decimals });
  return { shape: [height, width], results, speed: roundSpeed(speed) };
}

/** Milliseconds to three digits: more would be noise. */
export function roundSpeed({ preprocess, inference, postprocess }: Findings["speed"]): Findings["speed"] {
  const round = (milliseconds: number) => Math.round(milliseconds * 1000) / 1000;
  return { preprocess: round(preprocess), inference: round(inference), postprocess: round(postprocess) };
}

async function draw({ images: [image], loaded }: Order, [findings]: Findings[]): Promise<Buffer> {
  if (image === undefined || findings === undefined) throw new Error("there is nothing to draw on");
  const { width, height } = findings;
  if (Math.max(width, height) > LARGEST_DRAWN) {
    const message = `Expected an image of at most ${LARGEST_DRAWN} pixels a side to draw on but received ${width} x ${height}.`;
    throw new RequestError("YOLO_NOT_ACCEPTABLE", message);
  }
  return annotate(image, toResults(findings, loaded.model.names, { normalize: false, decimals: DRAWN_DECIMALS }));
}

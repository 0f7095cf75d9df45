import multipart from "@fastify/multipart";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PATHS } from "../../contract.ts";
import { callerOf } from "../access/rate-limit.ts";
import type { AppContext } from "../app.ts";
import { Drawings } from "../drawings.ts";
import { RequestError } from "../errors.ts";
import { ImageFetcher } from "../fetching/image-fetcher.ts";
import type { DetectOptions, Findings } from "../inference/messages.ts";
import type { LoadedModel } from "../model/model.ts";
import { type ResultOptions, toJson, toResultsInTurns } from "../results.ts";
import type { Engine } from "../state.ts";
import { observeImage } from "../telemetry/metrics.ts";
import { VERSION } from "../version.ts";
import { IMAGE_TYPES } from "../vision/decode.ts";
import { deadline, departure, waitOf } from "./caller.ts";
import { answerType } from "./predict/accept.ts";
import { sendJson } from "./predict/answer.ts";
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
  const tools = { fetcher, drawings: new Drawings() };
  // In a scope of its own: other routes read other content types.
  app.register(async (scope) => {
    await scope.register(multipart, { limits: uploadLimits(config.bodyLimitBytes) });
    const types = [...IMAGE_TYPES, "application/octet-stream"];
    scope.addContentTypeParser(types, { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.post(PATHS.predict, {
      // Before the body is read: a refusal must not cost an upload.
      onRequest: async (request) => {
        if (state.engine === undefined) throw new RequestError("YOLO_NOT_READY");
        waitOf(request);
        answerType(request.headers.accept);
      },
      handler: async (request, reply) => {
        const { engine } = state;
        if (engine === undefined) throw new RequestError("YOLO_NOT_READY");
        context.metrics.inFlight.inc();
        try {
          return await answer(context, engine, tools, request, reply);
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
  { fetcher, drawings }: { fetcher: ImageFetcher; drawings: Drawings },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
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
  const course = {
    signal,
    timeLeft,
    lane: request.keyName ?? callerOf(request.ip),
    concurrency: config.workers * config.maxBatch,
  };
  const { name, model } = loaded;
  const read = async (findings: Findings, how: ResultOptions) => {
    const results = await toResultsInTurns(findings, model.names, how);
    observeImage(metrics, name, findings.speed, results);
    return results;
  };
  if (type === "image/jpeg") {
    const how = { normalize: false, decimals: DRAWN_DECIMALS };
    const [results = []] = await detectAll(engine, order, course, (findings) => read(findings, how));
    const onDrawn = (seconds: number) => metrics.stageDuration.observe({ model: name, stage: "drawing" }, seconds);
    const drawn = await drawings.draw(order.images[0] as Uint8Array, results, { signal, timeLeft, onDrawn });
    return reply.type(type).send(drawn);
  }
  const answers = await detectAll(engine, order, course, async (findings) => {
    const results = await read(findings, parameters);
    const json = await toJson({ shape: [findings.height, findings.width], results, speed: roundSpeed(findings.speed) });
    return Buffer.from(json);
  });
  const metadata = { model: name, task: model.task, imageCount: answers.length, version: VERSION };
  return sendJson(reply, answers, metadata);
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

/** Looks at all images; what is found in each is read as soon as it is there, one after the other. */
async function detectAll<Result>(
  { pool }: Engine,
  { images, loaded, options }: Order,
  course: Course,
  read: (findings: Findings) => Promise<Result>,
): Promise<Result[]> {
  const failure = new AbortController();
  const signal = AbortSignal.any([course.signal, failure.signal]);
  const results: Result[] = [];
  const waiting = images.entries();
  const request = {};
  const workers = Array.from({ length: Math.min(course.concurrency, images.length) }, async () => {
    for (const [index, image] of waiting) {
      try {
        const how = { signal, timeoutMs: course.timeLeft(), lane: course.lane, request };
        results[index] = await read(await pool.detect(loaded.name, image, options, how));
      } catch (error) {
        // The answer is lost with one image: the others need not be looked at, and all fail for its reason.
        if (!failure.signal.aborted) failure.abort(images.length > 1 ? inFile(error, index) : error);
        throw failure.signal.reason;
      }
    }
  });
  await Promise.all(workers);
  return results;
}

function inFile(error: unknown, index: number): unknown {
  if (!(error instanceof RequestError)) return error;
  return new RequestError(error.code, `File ${index + 1}: ${error.message}`, { cause: error.cause });
}

/** Milliseconds to three digits: more would be noise. */
export function roundSpeed({ preprocess, inference, postprocess }: Findings["speed"]): Findings["speed"] {
  const round = (milliseconds: number) => Math.round(milliseconds * 1000) / 1000;
  return { preprocess: round(preprocess), inference: round(inference), postprocess: round(postprocess) };
}

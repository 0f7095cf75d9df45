import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import { type Detection, HEADERS, PATHS, type PredictResponse } from "../../contract.ts";
import type { AppContext } from "../app.ts";
import { RequestError } from "../errors.ts";
import type { Findings } from "../inference/messages.ts";
import { VERSION } from "../version.ts";
import { DETECTION_SIZE } from "../vision/boxes.ts";
import { IMAGE_TYPES } from "../vision/decode.ts";
import type { Selection } from "../vision/nms.ts";

/** Decimals of coordinates and confidences, the default of the Ultralytics Platform. */
const DECIMALS = 5;

/** Limits of the parameters, those of the Ultralytics Platform (https://docs.ultralytics.com/platform/deploy/). */
const LIMITS = { conf: [0.01, 1], iou: [0, 0.95], maxDet: [1, 300] } as const;

const DECIMAL = /^(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?$/i;

function number(name: string, [least, most]: readonly [number, number], kind: "number" | "whole number") {
  const error = ({ input }: { input?: unknown }) => {
    return `Expected a ${kind} from ${least} to ${most} for ${name} but received ${JSON.stringify(input)}.`;
  };
  return z
    .string({ error })
    .regex(kind === "number" ? DECIMAL : /^\d+$/, { error })
    .transform(Number)
    .refine((value) => value >= least && value <= most, { error });
}

/** The query parameters of `POST /predict`; unknown ones are refused, so that none is silently ignored. */
const QUERY = z.strictObject({
  conf: number("conf", LIMITS.conf, "number").default(0.25),
  iou: number("iou", LIMITS.iou, "number").default(0.7),
  max_det: number("max_det", LIMITS.maxDet, "whole number").default(300),
  classes: z
    .string({ error: "Expected classes once." })
    .regex(/^\d{1,6}(,\d{1,6})*$/, {
      error: ({ input }) =>
        `Expected class indices with commas between for classes but received ${JSON.stringify(input)}.`,
    })
    .transform((list) => list.split(",").map(Number))
    .optional(),
});

/** Adds `POST /predict`: an encoded image in, detections out. */
export function addPredict(app: FastifyInstance, { config, state, metrics }: AppContext): void {
  app.addContentTypeParser(
    [...IMAGE_TYPES, "application/octet-stream"],
    { parseAs: "buffer" },
    (_request, body, done) => {
      done(null, body);
    },
  );
  const digests = config.apiKeys.map(digest);
  app.post(PATHS.predict, {
    // Before the body is read: a refusal must not cost an upload.
    onRequest: async (request) => {
      if (!isKnownKey(digests, request.headers[HEADERS.apiKey])) throw new RequestError("YOLO_KEY_INVALID");
      if (state.detector === undefined) throw new RequestError("YOLO_NOT_READY");
    },
    handler: async (request, reply): Promise<PredictResponse> => {
      if (state.detector === undefined) throw new RequestError("YOLO_NOT_READY");
      const { model, pool } = state.detector;
      const selection = readSelection(request.query, model.names.length);
      if (!(request.body instanceof Uint8Array) || request.body.length === 0)
        throw new RequestError("YOLO_IMAGE_EMPTY");
      metrics.inFlight.inc();
      try {
        const findings = await pool.detect(request.body, selection, departure(reply));
        for (const [stage, milliseconds] of Object.entries(findings.speed)) {
          metrics.stageDuration.observe({ stage }, milliseconds / 1000);
        }
        const results = detections(findings, model.names);
        for (const { name } of results) metrics.detections.inc({ class: name });
        const { width, height, speed } = findings;
        return {
          images: [{ shape: [height, width], results, speed: roundSpeed(speed) }],
          metadata: { model: config.modelName, task: "detect", imageCount: 1, version: VERSION },
        };
      } finally {
        metrics.inFlight.dec();
      }
    },
  });
}

/** Aborts when the caller closes the connection before it has the answer. */
function departure(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => controller.abort());
  return controller.signal;
}

/** Reads the query parameters; all problems are reported at once. */
function readSelection(query: unknown, classCount: number): Selection {
  const result = QUERY.safeParse(query);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      if (issue.code !== "unrecognized_keys") return issue.message;
      return `Expected only ${Object.keys(QUERY.shape).join(", ")} as parameters but received ${issue.keys.join(", ")}.`;
    });
    throw new RequestError("YOLO_PARAMETER_INVALID", problems.join(" "));
  }
  const { conf, iou, max_det: maxDet, classes } = result.data;
  const unknown = classes?.find((index) => index >= classCount);
  if (unknown !== undefined) {
    const message = `Expected class indices below ${classCount} for classes but received ${unknown}.`;
    throw new RequestError("YOLO_PARAMETER_INVALID", message);
  }
  return { conf, iou, maxDet, ...(classes === undefined ? {} : { classes }) };
}

function detections({ detections: flat }: Findings, names: readonly string[]): Detection[] {
  return Array.from({ length: flat.length / DETECTION_SIZE }, (_, i) => {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, confidence = 0, index = 0] = flat.subarray(
      i * DETECTION_SIZE,
      (i + 1) * DETECTION_SIZE,
    );
    const box = { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2) };
    return { class: index, name: names[index] ?? String(index), confidence: round(confidence), box };
  });
}

function round(value: number): number {
  return Math.round(value * 10 ** DECIMALS) / 10 ** DECIMALS;
}

function roundSpeed({ preprocess, inference, postprocess }: Findings["speed"]): Findings["speed"] {
  return { preprocess: round(preprocess), inference: round(inference), postprocess: round(postprocess) };
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

/** Compares with every key, in a time that tells nothing about any of them. */
function isKnownKey(digests: readonly Buffer[], key: string | string[] | undefined): boolean {
  if (digests.length === 0) return true;
  const given = digest(String(key ?? ""));
  return digests.map((known) => timingSafeEqual(known, given)).includes(true);
}

import { z } from "zod";
import type {
  Detection,
  ErrorResponse,
  ImageResult,
  InfoResponse,
  PredictResponse,
  StreamMessage,
} from "../../contract.ts";
import { ERRORS, type ErrorCode } from "../errors.ts";
import { PARAMETERS } from "../routes/predict/parameters.ts";
import { INFERENCE_SCHEMAS } from "./inference-schemas.ts";

/**
 * What the service answers, as schemas for the OpenAPI document. Each is bound to the type in `contract.ts`, so that a
 * change of the one without the other does not compile.
 */

const coordinate = z.number();
const share = z.number().min(0).max(1);
const milliseconds = z.number().min(0);

const corners = { x1: coordinate, y1: coordinate, x2: coordinate, y2: coordinate };

const box = z
  .object(corners)
  .describe("Upper left and lower right corner, in pixels of the upright image; shares of its size when normalized.");

const orientedBox = z
  .object({ ...corners, x3: coordinate, y3: coordinate, x4: coordinate, y4: coordinate })
  .describe("The four corners of a rotated box, one after the other around it.");

const runLengthMask = z
  .object({ size: z.tuple([z.int(), z.int()]).describe("Height and width."), counts: z.string() })
  .describe("The pixels of an object as COCO's compressed run-length encoding.");

const detection = z
  .object({
    class: z.int().min(0).describe("Index of the class."),
    name: z.string().describe("Name of the class."),
    confidence: share,
    box: z.union([box, orientedBox]).exactOptional().describe("Missing for models of task classify."),
    segments: z
      .object({ x: z.array(coordinate), y: z.array(coordinate) })
      .exactOptional()
      .describe("Task segment: outline of the object's largest part."),
    mask: runLengthMask.exactOptional().describe("Task segment, with masks=rle."),
    keypoints: z
      .object({ x: z.array(coordinate), y: z.array(coordinate), visible: z.array(share) })
      .exactOptional()
      .describe("Task pose."),
    track_id: z.int().exactOptional().describe("/stream only: the same for the same object in every frame."),
  })
  .describe("One object; for models of task classify one class of the whole image.");

const speed = z
  .object({ preprocess: milliseconds, inference: milliseconds, postprocess: milliseconds })
  .describe("Milliseconds per stage.");

const imageResult = z
  .object({
    shape: z.tuple([z.int().min(1), z.int().min(1)]).describe("Height and width of the upright image in pixels."),
    results: z.array(detection).describe("Best first."),
    speed,
  })
  .describe("What was found in one image.");

const task = z.enum(["detect", "segment", "pose", "obb", "classify"]);

const predictResponse = z
  .object({
    images: z.array(imageResult).describe("In the order in which they were sent."),
    metadata: z.object({ model: z.string(), task, imageCount: z.int().min(1), version: z.string() }),
  })
  .describe("What was found, in the shape of the Ultralytics Platform.");

const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

const errorResponse = z
  .object({
    error: z.object({
      code: z.enum(codes),
      message: z.string().describe("What was expected and what came."),
      requestId: z.string().describe("Also in the header x-request-id, and in the service's log."),
    }),
  })
  .describe("Why there is no other answer.");

const infoResponse = z
  .object({
    models: z.array(
      z.object({
        name: z.string(),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        task,
        layout: z.string().describe("How its output is read."),
        input: z.object({ width: z.int(), height: z.int(), dynamic: z.boolean() }).describe("In pixels."),
        names: z.array(z.string()).describe("Class names by index."),
      }),
    ),
    provider: z.string().describe("ONNX Runtime execution provider."),
    workers: z.int().min(1),
    threads: z.int().min(1),
    versions: z.object({
      service: z.string(),
      node: z.string(),
      onnxruntime: z.string(),
      sharp: z.string(),
      libvips: z.string(),
    }),
  })
  .describe("What runs.");

const streamMessage = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("result"), frame: z.int(), skipped: z.int(), image: imageResult }),
    z.object({ type: z.literal("error"), frame: z.int(), error: errorResponse.shape.error }),
  ])
  .describe("What a client of /stream gets for a frame.");

const probe = z.object({ status: z.literal("ok") });

/** Schemas by the name that they have in the document. */
export const SCHEMAS = {
  Box: box,
  OrientedBox: orientedBox,
  RunLengthMask: runLengthMask,
  Detection: detection satisfies z.ZodType<Detection>,
  Speed: speed,
  ImageResult: imageResult satisfies z.ZodType<ImageResult>,
  PredictResponse: predictResponse satisfies z.ZodType<PredictResponse>,
  ErrorResponse: errorResponse satisfies z.ZodType<ErrorResponse>,
  InfoResponse: infoResponse satisfies z.ZodType<InfoResponse>,
  StreamMessage: streamMessage satisfies z.ZodType<StreamMessage>,
  Probe: probe,
  ...INFERENCE_SCHEMAS,
} as const;

/** JSON Schema, as OpenAPI 3.1 has it. */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Name of a schema in the document. */
export type SchemaName = keyof typeof SCHEMAS;

/** A reference to a schema of the document. */
export function ref(name: SchemaName): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** All schemas as JSON Schema, with references between them. */
export function jsonSchemas(): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(SCHEMAS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: "output" });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, bare(schema)]));
}

/** The parameters of `POST /predict` as JSON Schema, by name. */
export function parameterSchemas(): Record<string, JsonSchema> {
  return bare(z.toJSONSchema(PARAMETERS, { io: "input" })).properties as Record<string, JsonSchema>;
}

/** Without what names a schema elsewhere, and without the limits of a double, which say nothing. */
function bare({ $schema, $id, ...schema }: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (key, value) => {
    const noLimit = (key === "minimum" || key === "maximum") && Math.abs(value) === Number.MAX_SAFE_INTEGER;
    return noLimit ? undefined : value;
  }) as JsonSchema;
}

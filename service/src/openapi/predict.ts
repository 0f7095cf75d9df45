import { PATHS } from "../../contract.ts";
import { FILE_FIELD, MOST_FILES } from "../routes/predict/upload.ts";
import type { Engine } from "../state.ts";
import { IMAGE_TYPES } from "../vision/decode.ts";
import {
  CALLER_HEADERS,
  type Content,
  errorAnswers,
  type Guards,
  guarded,
  json,
  type Parameter,
  type Paths,
} from "./operations.ts";
import { type JsonSchema, parameterSchemas, ref } from "./schemas.ts";

const DESCRIPTION = `Finds objects in images. Send them as parts named \`${FILE_FIELD}\` of a form, or one image as the body itself, or a form
with the address of one as \`source\`. Other parameters may be in the query or in the form, each once. What counts is an image's content, not
its content type: JPEG, PNG, WebP, AVIF, TIFF or GIF (the first frame). EXIF orientation is honoured.

Ask with \`Accept: image/jpeg\` for the image with what was found drawn onto it; this takes one image.`;

/** The parameters of `POST /predict`, narrowed to what the loaded models can do. */
export function predictParameters(engine: Engine | undefined): Record<string, JsonSchema> {
  const { imgsz, masks, model, classes, ...others } = parameterSchemas();
  if (engine === undefined) return parameterSchemas();
  const models = [...engine.models.values()].map((loaded) => loaded.model);
  const fixed = models.filter(({ stride }) => stride === undefined);
  const sizes = new Set(fixed.map(({ width, height }) => Math.max(width, height)));
  const most = Math.max(...models.map(({ names }) => names.length)) - 1;
  return {
    ...others,
    imgsz: { ...imgsz, ...(fixed.length === models.length ? { enum: [...sizes] } : {}) },
    classes: { ...classes, items: { type: "integer", minimum: 0, maximum: most } },
    ...(models.some(({ task }) => task === "segment") && masks !== undefined ? { masks } : {}),
    model: { ...model, enum: [...engine.models.keys()] },
  };
}

/** Parameters by name, as those of a query. */
export function queryParameters(schemas: Record<string, JsonSchema>): Parameter[] {
  return Object.entries(schemas).map(([name, { description = "", ...schema }]) => ({
    name,
    in: "query",
    description,
    schema,
    ...(schema.type === "array" ? { style: "form", explode: false } : {}),
  }));
}

/** Describes `POST /predict`. */
export function predictPaths(guards: Guards, engine: Engine | undefined): Paths {
  const { codes, security } = guarded(guards);
  const schemas = predictParameters(engine);
  const { source = {}, ...others } = schemas;
  const files: JsonSchema = {
    type: "array",
    items: { type: "string", format: "binary" },
    minItems: 1,
    maxItems: MOST_FILES,
    description: "The images.",
  };
  const form = (name: string, schema: JsonSchema): JsonSchema => ({
    type: "object",
    properties: { [name]: schema, ...others },
    required: [name],
    additionalProperties: false,
  });
  const forms: JsonSchema = { oneOf: [form(FILE_FIELD, files), form("source", source)] };
  const binary: Content = Object.fromEntries(
    [...IMAGE_TYPES, "application/octet-stream"].map((type) => [
      type,
      { schema: { type: "string", format: "binary" } },
    ]),
  );
  return {
    [PATHS.predict]: {
      post: {
        operationId: "predict",
        tags: ["Detection"],
        summary: "Find objects in images",
        description: DESCRIPTION,
        parameters: [...queryParameters(others), ...CALLER_HEADERS],
        requestBody: {
          description: `One image, or a form with 1 to ${MOST_FILES} of them or a \`source\`.`,
          required: true,
          content: {
            "multipart/form-data": { schema: forms, encoding: { classes: { style: "form", explode: false } } },
            ...binary,
          },
        },
        responses: {
          200: {
            description: "What was found; or the drawn image, where it is preferred.",
            content: {
              ...json(ref("PredictResponse")),
              "image/jpeg": { schema: { type: "string", format: "binary" } },
            },
          },
          ...errorAnswers([
            ...codes,
            "YOLO_PARAMETER_INVALID",
            "YOLO_IMAGE_EMPTY",
            "YOLO_IMAGE_UNREADABLE",
            "YOLO_IMAGE_TOO_LARGE",
            "YOLO_BODY_TOO_LARGE",
            "YOLO_URL_REFUSED",
            "YOLO_URL_FAILED",
            "YOLO_MODEL_UNKNOWN",
            "YOLO_NOT_ACCEPTABLE",
            "YOLO_MEDIA_TYPE_UNSUPPORTED",
            "YOLO_NOT_READY",
            "YOLO_QUEUE_FULL",
            "YOLO_REQUEST_TIMEOUT",
          ]),
        },
        ...(security === undefined ? {} : { security }),
        "x-codeSamples": [
          { lang: "Shell", source: `curl -F ${FILE_FIELD}=@photo.jpg -F conf=0.4 "$URL${PATHS.predict}"` },
          {
            lang: "Shell",
            source: `curl -H "Accept: image/jpeg" -F ${FILE_FIELD}=@photo.jpg -o drawn.jpg "$URL${PATHS.predict}"`,
          },
        ],
      },
    },
  };
}

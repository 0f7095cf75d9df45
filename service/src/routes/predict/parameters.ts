import { z } from "zod";
import { RequestError } from "../../errors.ts";
import type { DetectOptions } from "../../inference/messages.ts";
import type { LoadedModel } from "../../model/model.ts";

/** Most classes that may be listed. */
const MOST_CLASSES = 1000;

/**
 * The parameters of `POST /predict`, as query or as form fields. These schemas check them and describe them in the OpenAPI
 * document. Names, limits and defaults are those of the Ultralytics Platform where it has them
 * (https://docs.ultralytics.com/platform/deploy/inference/).
 */
export const PARAMETERS = z.strictObject({
  conf: z.number().min(0.01).max(1).default(0.25).describe("Lowest confidence."),
  iou: z
    .number()
    .min(0)
    .max(0.95)
    .default(0.7)
    .describe("Overlap from which two boxes of one class are one object. Without effect on end-to-end models."),
  imgsz: z
    .int()
    .min(32)
    .max(1280)
    .optional()
    .describe("Longer side of the model's input in pixels. Models of fixed size take their own only."),
  max_det: z.int().min(1).max(300).default(300).describe("Most objects."),
  classes: z
    .array(z.int().min(0).max(999_999))
    .min(1)
    .max(MOST_CLASSES)
    .optional()
    .describe("Indices of the classes to keep, with commas between, or one by one. All when missing."),
  normalize: z.boolean().default(false).describe("Coordinates as shares of the image's width and height, from 0 to 1."),
  decimals: z.int().min(0).max(10).default(5).describe("Decimals of coordinates and confidences."),
  masks: z
    .enum(["polygon", "rle"])
    .optional()
    .describe("For models of task segment: rle adds each mask as COCO's compressed run lengths to its outline."),
  model: z.string().min(1).max(128).optional().describe("Name of the model. The first of MODELS when missing."),
  source: z
    .url()
    .max(2048)
    .optional()
    .describe("Address of the image instead of an upload. Refused unless the service allows its host (FETCH_HOSTS)."),
});

/** What a caller asks for. */
export type Parameters = z.output<typeof PARAMETERS>;

/** A parameter as it came, by name. */
export type Entry = readonly [name: string, text: string];

const FIELDS = PARAMETERS.shape;

/** Most parameters that one request may have: each once, but one for each class. */
export const MOST_ENTRIES = Object.keys(FIELDS).length + MOST_CLASSES;

type Name = keyof typeof FIELDS;

const NUMBER = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;
const WHOLE = /^\d{1,9}$/;
// Python's clients write them with a capital.
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false };

/** How a text is read before its schema checks it; undefined where it is nothing of the kind. */
const READERS: Record<Name, (text: string) => unknown> = {
  conf: number,
  iou: number,
  imgsz: wholeNumber,
  max_det: wholeNumber,
  classes: (text) => text.split(",").map(wholeNumber),
  normalize: (text) => BOOLEANS[text.toLowerCase()],
  decimals: wholeNumber,
  masks: (text) => text,
  model: (text) => text,
  source: (text) => text,
};

/** What a message says is expected, from the same schemas. */
const EXPECTED = new Map(
  Object.entries(z.toJSONSchema(PARAMETERS, { io: "input" }).properties ?? {}).map(([name, schema]) => {
    return [name, describeSchema(schema as z.core.JSONSchema.BaseSchema)] as const;
  }),
);

function describeSchema({
  type,
  enum: values,
  minimum,
  maximum,
  maxItems,
  maxLength,
  format,
}: z.core.JSONSchema.BaseSchema): string {
  if (values !== undefined) return values.join(" or ");
  switch (type) {
    case "number":
      return `a number from ${minimum} to ${maximum}`;
    case "integer":
      return `a whole number from ${minimum} to ${maximum}`;
    case "boolean":
      return "true or false";
    case "array":
      return `1 to ${maxItems} class indices with commas between`;
    default:
      return `${format === "uri" ? "an absolute address" : "a text"} of at most ${maxLength} characters`;
  }
}

function number(text: string): number | undefined {
  return NUMBER.test(text) ? Number(text) : undefined;
}

function wholeNumber(text: string): number | undefined {
  return WHOLE.test(text) ? Number(text) : undefined;
}

function isName(name: string): name is Name {
  return Object.hasOwn(FIELDS, name);
}

/**
 * Reads the parameters of a request; all problems are reported at once.
 * @throws RequestError YOLO_PARAMETER_INVALID for unknown, repeated, malformed and out-of-range ones
 */
export function readParameters(entries: readonly Entry[]): Parameters {
  const problems: string[] = [];
  const unknown = new Set<string>();
  const values = new Map<Name, unknown>();
  for (const [name, text] of entries) {
    if (!isName(name)) {
      unknown.add(name);
      continue;
    }
    const before = values.get(name);
    const read = READERS[name](text);
    // Many clients send a list as one parameter for each of its items.
    const value = Array.isArray(before) && Array.isArray(read) ? [...before, ...read] : read;
    if (before !== undefined && !Array.isArray(value)) {
      problems.push(`Expected ${name} once but received it several times.`);
    }
    if (value === undefined || !FIELDS[name].safeParse(value).success) {
      problems.push(`Expected ${EXPECTED.get(name)} for ${name} but received ${quote(text)}.`);
    }
    values.set(name, value);
  }
  if (unknown.size > 0) {
    const names = [...unknown].map((name) => quote(name)).slice(0, 5);
    problems.push(`Expected only ${Object.keys(FIELDS).join(", ")} as parameters but received ${names.join(", ")}.`);
  }
  if (problems.length > 0) throw new RequestError("YOLO_PARAMETER_INVALID", [...new Set(problems)].join(" "));
  return PARAMETERS.parse(Object.fromEntries(values));
}

/** The parameters in a parsed query, where a repeated one is a list. */
export function queryEntries(query: unknown): Entry[] {
  return Object.entries(query as Record<string, string | string[]>).flatMap(([name, value]) =>
    [value].flat().map((text) => [name, text] as const),
  );
}

/**
 * What a model has to do for these parameters.
 * @throws RequestError YOLO_PARAMETER_INVALID where the model cannot do it
 */
export function detectOptions(
  { conf, iou, max_det: maxDet, classes, imgsz, masks }: Parameters,
  { name, model }: LoadedModel,
  resize: DetectOptions["resize"],
): DetectOptions {
  const refuse = (expected: string) => new RequestError("YOLO_PARAMETER_INVALID", `Expected ${expected}.`);
  const unknown = classes?.find((index) => index >= model.names.length);
  if (unknown !== undefined) {
    throw refuse(`class indices below ${model.names.length} for classes but received ${unknown}`);
  }
  const size = Math.max(model.width, model.height);
  const fixed = model.stride === undefined;
  if (imgsz !== undefined && fixed && imgsz !== size) {
    throw refuse(`${size} for imgsz, the fixed size of the model ${name}, but received ${imgsz}`);
  }
  if (masks !== undefined && model.task !== "segment") {
    throw refuse(`masks only with a model of task segment, but ${name} is of task ${model.task}`);
  }
  return {
    conf,
    iou,
    maxDet,
    resize,
    ...(classes === undefined ? {} : { classes }),
    ...(imgsz === undefined || fixed ? {} : { imgsz }),
    ...(masks === "rle" ? { runLengths: true } : {}),
  };
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

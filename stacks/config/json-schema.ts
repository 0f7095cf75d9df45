import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

/** What of JSON Schema (draft 7, which editors know best) describes a configuration. */
export interface JsonSchema {
  [keyword: string]: unknown;
  description?: string;
  default?: unknown;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  /** What editors say of a text that does not match the pattern. */
  patternErrorMessage?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | false;
  propertyNames?: JsonSchema;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  /** Key by whose value an option of `oneOf` is chosen; of this program, and not in the schema for editors. */
  discriminator?: string;
  /** Whether the value is kept encrypted; of this program, too. */
  secret?: boolean;
}

/** The schemas of stacks, by the target of their cluster. */
export type StackSchemas = Readonly<Record<string, z.ZodObject>>;

/** A key of the project's namespace. */
export interface Section {
  name: string;
  /** What it is for each target that has it. */
  schemas: Record<string, JsonSchema>;
  /** Whether all targets that have it have it alike. */
  shared: boolean;
  required: boolean;
  secret: boolean;
}

/** The sections of all stacks, as JSON schemas of what people write: with defaults, and without what is computed. */
export function stackSections(stacks: StackSchemas): Section[] {
  const targets = Object.entries(stacks).map(([target, schema]): [string, JsonSchema] => [target, toJson(schema)]);
  const names = new Set(targets.flatMap(([, { properties }]) => Object.keys(properties ?? {})));
  return [...names].map((name) => {
    const having = targets.flatMap(([target, { properties, required }]) => {
      const schema = properties?.[name];
      return schema === undefined ? [] : [{ target, schema, required: required?.includes(name) ?? false }];
    });
    return {
      name,
      schemas: Object.fromEntries(having.map(({ target, schema }) => [target, schema])),
      shared: having.every(({ schema }) => isDeepStrictEqual(schema, having[0]?.schema)),
      required: having.some(({ required }) => required),
      secret: having.some(({ schema }) => schema.secret === true),
    };
  });
}

function toJson(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: "input",
    target: "draft-7",
    override: ({ zodSchema, jsonSchema }) => {
      // The pattern beside it says the same, and validators differ in which formats they know.
      delete jsonSchema.format;
      const { def } = zodSchema._zod;
      if (def.type === "union" && "discriminator" in def) jsonSchema.discriminator = def.discriminator;
    },
  }) as JsonSchema;
}

/** A section's schema as editors use it: what a key's value decides is told by if and then, so that they complain of the chosen option only. */
export function editorSchema({ discriminator, secret: _, ...schema }: JsonSchema): JsonSchema {
  const { properties, additionalProperties, items, anyOf, oneOf } = schema;
  const inner: JsonSchema = {
    ...schema,
    ...(properties !== undefined && { properties: mapValues(properties, editorSchema) }),
    ...(additionalProperties && { additionalProperties: editorSchema(additionalProperties) }),
    ...(items !== undefined && { items: editorSchema(items) }),
    ...(anyOf !== undefined && { anyOf: anyOf.map(editorSchema) }),
    ...(oneOf !== undefined && { oneOf: oneOf.map(editorSchema) }),
  };
  if (discriminator !== undefined) return chosenBy(discriminator, inner);
  return inner.propertyNames?.enum === undefined ? inner : namedKeys(inner);
}

/** An object of which one key decides what the others are. */
function chosenBy(key: string, { oneOf = [], ...schema }: JsonSchema): JsonSchema {
  return {
    ...schema,
    type: "object",
    required: [key],
    properties: { [key]: choice(oneOf.map(({ properties }) => properties?.[key] ?? {})) },
    allOf: oneOf.map((option) => conditional(having(key, option.properties?.[key]?.const), option)),
  };
}

/** One of a few words, each with what it means. */
export function choice(options: readonly JsonSchema[]): JsonSchema {
  return {
    type: "string",
    enum: options.map((option) => option.const),
    markdownEnumDescriptions: options.map(({ description }) => description),
  };
}

/** What an object is that has a key of this value. */
export function having(key: string, value: unknown): JsonSchema {
  return { type: "object", properties: { [key]: { const: value } }, required: [key] };
}

/** What holds of a value that the condition holds of. */
export function conditional(condition: JsonSchema, schema: JsonSchema): JsonSchema {
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  return { if: condition, then: schema };
}

/** A map with a few possible keys, as an object that has them, so that editors offer them. */
function namedKeys({ propertyNames, additionalProperties, ...schema }: JsonSchema): JsonSchema {
  const keys = propertyNames?.enum ?? [];
  const value = additionalProperties || {};
  return { ...schema, properties: Object.fromEntries(keys.map((key) => [key, value])), additionalProperties: false };
}

function mapValues<In, Out>(values: Record<string, In>, of: (value: In) => Out): Record<string, Out> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, of(value)]));
}

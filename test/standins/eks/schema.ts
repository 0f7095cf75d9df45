import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../local/paths.ts";
import type { Inputs, Property, Shape, Shapes } from "../sdk/shape.ts";

/** The real component's schema, which lies beside the repository where somebody put it. */
const SCHEMA_FILE = join(ROOT, "..", "shared", "schemas", "pulumi-eks.schema.json");

/** A type in a schema: https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/ */
interface SchemaType {
  type?: string;
  $ref?: string;
  items?: SchemaType;
  additionalProperties?: SchemaType;
  oneOf?: SchemaType[];
}

/** A named type: an object, or an enumeration of values. */
interface NamedType {
  properties?: Record<string, SchemaType>;
  required?: string[];
  enum?: { value: string | number | boolean }[];
}

interface Schema {
  types: Record<string, NamedType>;
  resources: Record<string, { inputProperties?: Record<string, SchemaType>; requiredInputs?: string[] }>;
}

/** What a component takes by its schema; undefined where the schema is not there. */
export function schemaInputs(token: string, file = SCHEMA_FILE): Inputs | undefined {
  if (!existsSync(file)) return undefined;
  const schema = JSON.parse(readFileSync(file, "utf8")) as Schema;
  const resource = schema.resources[token];
  if (resource === undefined) throw new Error(`Expected ${token} in ${file}, but it is not there.`);
  const types = Object.entries(schema.types).map(([name, { properties, required }]): [string, Shapes] => [
    name,
    shapes(properties ?? {}, required ?? [], schema),
  ]);
  return {
    inputs: shapes(resource.inputProperties ?? {}, resource.requiredInputs ?? [], schema),
    types: Object.fromEntries(types),
  };
}

function shapes(properties: Record<string, SchemaType>, required: readonly string[], schema: Schema): Shapes {
  const entries = Object.entries(properties).map(([name, type]): [string, Property] => [
    name,
    { shape: shapeOf(type, schema), required: required.includes(name) },
  ]);
  return Object.fromEntries(entries);
}

function shapeOf(type: SchemaType, schema: Schema): Shape {
  if (type.oneOf !== undefined) return { kind: "union", of: type.oneOf.map((each) => shapeOf(each, schema)) };
  if (type.$ref !== undefined) return referenceShape(type.$ref, schema);
  switch (type.type) {
    case "string":
    case "boolean":
    case "number":
      return { kind: type.type };
    case "integer":
      return { kind: "number" };
    case "array":
      return { kind: "list", of: shapeOf(type.items ?? {}, schema) };
    case "object":
      return { kind: "map", of: shapeOf(type.additionalProperties ?? {}, schema) };
    default:
      return { kind: "any" };
  }
}

function referenceShape(reference: string, schema: Schema): Shape {
  const name = decodeURIComponent(reference.replace(/^#\/types\//, ""));
  const named = reference.startsWith("#/types/") ? schema.types[name] : undefined;
  // Resources and types of other packages are checked by their own provider.
  if (named === undefined) return { kind: "any" };
  if (named.enum === undefined) return { kind: "object", type: name };
  return { kind: "union", of: named.enum.map(({ value }) => ({ kind: "literal", value })) };
}

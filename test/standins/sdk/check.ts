import { isObject, isUnknown, type Properties } from "../values.ts";
import type { Inputs, Shape, Shapes } from "./shape.ts";

/** What is wrong with a property. */
export interface Failure {
  /** Path of the property, such as `scalingConfig.minSize`. */
  property: string;
  reason: string;
}

/** A name that was meant is at most this many letters away. */
const TYPING_ERRORS = 2;

/**
 * What an SDK's types say against properties: missing ones, ones that do not exist, and values of the wrong kind. A value
 * that is not known yet fits everywhere.
 */
export function checkProperties(declared: Inputs, given: Readonly<Properties>, owner: string): Failure[] {
  return checkObject(given, declared.inputs, declared.types, "", owner);
}

function checkObject(
  given: Readonly<Properties>,
  shapes: Shapes,
  types: Inputs["types"],
  path: string,
  owner: string,
): Failure[] {
  const missing = Object.entries(shapes)
    .filter(([name, { required }]) => required && (given[name] === undefined || given[name] === null))
    .map(([name, { shape }]) => ({
      property: `${path}${name}`,
      reason: `Expected ${describe(shape)} for ${path}${name} but received nothing`,
    }));
  const wrong = Object.entries(given).flatMap(([name, value]) => {
    if (value === undefined || value === null || name.startsWith("__")) return [];
    const property = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    if (property === undefined) return [unknownProperty(name, Object.keys(shapes), path, owner)];
    return checkValue(value, property.shape, types, `${path}${name}`);
  });
  return [...missing, ...wrong];
}

function checkValue(value: unknown, shape: Shape, types: Inputs["types"], path: string): Failure[] {
  if (isUnknown(value)) return [];
  const mismatch = () => [
    { property: path, reason: `Expected ${describe(shape)} for ${path} but received ${JSON.stringify(value)}` },
  ];
  switch (shape.kind) {
    case "any":
      return [];
    case "string":
    case "number":
    case "boolean":
      return typeof value === shape.kind ? [] : mismatch();
    case "literal":
      return value === shape.value ? [] : mismatch();
    case "json": {
      if (!isObject(value)) return typeof value === "string" && isJson(value) ? [] : mismatch();
      const properties = shape.type === undefined ? undefined : types[shape.type];
      return properties === undefined ? [] : checkObject(value, properties, types, `${path}.`, "a policy document");
    }
    case "list":
      if (!Array.isArray(value)) return mismatch();
      return value.flatMap((each, i) => checkValue(each, shape.of, types, `${path}[${i}]`));
    case "map":
      if (!isObject(value)) return mismatch();
      return Object.entries(value).flatMap(([key, each]) => checkValue(each, shape.of, types, `${path}["${key}"]`));
    case "object": {
      if (!isObject(value)) return mismatch();
      const properties = types[shape.type];
      return properties === undefined ? [] : checkObject(value, properties, types, `${path}.`, shape.type);
    }
    case "union": {
      const results = shape.of.map((each) => checkValue(value, each, types, path));
      return results.some((failures) => failures.length === 0) ? [] : mismatch();
    }
    default: {
      const unreachable: never = shape;
      throw new Error(`no check for ${JSON.stringify(unreachable)}`);
    }
  }
}

function unknownProperty(name: string, known: readonly string[], path: string, owner: string): Failure {
  const meant = known.find(
    (each) => each.toLowerCase() === name.toLowerCase() || distance(each, name) <= TYPING_ERRORS,
  );
  return {
    property: `${path}${name}`,
    reason:
      `Expected a property of ${owner} but received ${path}${name}, which it does not have` +
      (meant === undefined ? "" : `; did you mean ${meant}?`),
  };
}

function describe(shape: Shape): string {
  switch (shape.kind) {
    case "list":
      return "a list";
    case "map":
    case "object":
      return "an object";
    case "json":
      return "a policy document";
    case "literal":
      return JSON.stringify(shape.value);
    case "union":
      return shape.of.map(describe).join(" or ");
    case "any":
      return "a value";
    default:
      return `a ${shape.kind}`;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** How many letters must be changed, added or removed to make one word of another. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

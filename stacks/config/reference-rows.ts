import { isDeepStrictEqual } from "node:util";
import type { JsonSchema, Section } from "./json-schema.ts";

/** Most words that a table lists. */
const MOST_WORDS = 16;

/** A row of a table. */
export interface Row {
  key: string;
  values: string;
  fallback: string;
  meaning: string;
}

/** The rows of a section's table. */
export function sectionRows(project: string, { name, required }: Section, schema: JsonSchema): Row[] {
  // A section that has no keys of its own is one itself.
  return isLeaf(schema) ? [row(`${project}:${name}`, schema, required)] : childRows("", schema);
}

/** Whether a value has no keys of its own. */
export function isLeaf({ properties, discriminator, additionalProperties }: JsonSchema): boolean {
  return properties === undefined && discriminator === undefined && !additionalProperties;
}

/** A key, and those below it. */
function rows(key: string, schema: JsonSchema, required: boolean): Row[] {
  return [row(key, schema, required), ...childRows(key, schema)];
}

function childRows(key: string, schema: JsonSchema): Row[] {
  const { properties = {}, required = [], additionalProperties, items, anyOf = [], oneOf = [], discriminator } = schema;
  if (discriminator !== undefined) return optionsRows(key, discriminator, oneOf);
  return [
    ...Object.entries(properties).flatMap(([name, child]) => rows(join(key, name), child, required.includes(name))),
    ...(additionalProperties ? childRows(join(key, "NAME"), additionalProperties) : []),
    ...(items === undefined ? [] : childRows(`${key}[]`, items)),
    ...anyOf.flatMap((option) => childRows(key, { ...option, required: [] })),
  ];
}

/** The options of what one key decides, each with its own keys; those that several have come once, after them. */
function optionsRows(key: string, discriminator: string, options: readonly JsonSchema[]): Row[] {
  const parts = options.map(({ properties = {}, required = [] }) => {
    const { [discriminator]: { const: word, description } = {}, ...others } = properties;
    const chosen = row(`${join(key, discriminator)}: ${String(word)}`, { ...(description && { description }) }, false);
    return { word: String(word), chosen, rows: childRows(key, { properties: others, required }) };
  });
  const having = (each: Row) => parts.filter(({ rows }) => rows.some((own) => isDeepStrictEqual(own, each)));
  const common = parts.flatMap(({ rows }, index) =>
    rows.filter((each) => having(each).length > 1 && having(each)[0] === parts[index]),
  );
  return [
    ...parts.flatMap(({ chosen, rows }) => [chosen, ...rows.filter((each) => having(each).length === 1)]),
    ...common.map((each) => {
      const words = having(each).map(({ word }) => code(word));
      return { ...each, meaning: `With ${words.join(" or ")}: ${each.meaning}` };
    }),
  ];
}

function row(key: string, schema: JsonSchema, required: boolean): Row {
  const { description = "", default: fallback } = schema;
  return {
    key: code(key),
    values: prose(valuesText(schema)),
    fallback: required ? "required" : fallbackText(fallback),
    meaning: prose(description),
  };
}

function join(key: string, name: string): string {
  return key === "" ? name : `${key}.${name}`;
}

/** What a value must be. Nothing where rows below say it. */
function valuesText(schema: JsonSchema): string {
  const { type, enum: words, const: word, patternErrorMessage, anyOf, items, additionalProperties } = schema;
  if (words !== undefined) return wordsText(words);
  if (word !== undefined) return code(yaml(word));
  if (patternErrorMessage !== undefined)
    return patternErrorMessage.replace(/^Expected (?:some )?/, "").replace(/,$/, "");
  if (anyOf !== undefined) return [...new Set(anyOf.map(valuesText))].filter((text) => text).join(", or ");
  if (items !== undefined) return [listText(schema), valuesText(items)].filter((text) => text).join(" of: ");
  if (additionalProperties) return mapText(additionalProperties, schema.propertyNames);
  if (type === "boolean") return "`true`, `false`";
  if (type === "integer" || type === "number") return `${number(schema.minimum)} to ${number(schema.maximum)}`;
  return type === "string" ? "text" : "";
}

function listText({ minItems, maxItems }: JsonSchema): string {
  if (minItems === undefined) return "list";
  return maxItems === undefined ? `list, at least ${minItems},` : `list, ${minItems} to ${maxItems},`;
}

function mapText(value: JsonSchema, names: JsonSchema | undefined): string {
  const keys = names === undefined ? "" : valuesText(names);
  const each = valuesText(value);
  return `map${keys && ` by: ${keys}`}${each && `; each: ${each}`}`;
}

function wordsText(words: readonly unknown[]): string {
  const listed = words.slice(0, words.length > MOST_WORDS ? 3 : MOST_WORDS).map((word) => code(yaml(word)));
  return listed.length < words.length ? `${listed.join(", ")}, … (${words.length})` : listed.join(", ");
}

function number(value: unknown): string {
  return typeof value === "number" ? String(value) : "any";
}

/** A default, as code; nothing where the defaults of keys below say it. */
export function fallbackText(value: unknown): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return value.length === 0 ? "none" : code(`[${value.map(yaml).join(", ")}]`);
  if (typeof value !== "object" || value === null) return code(yaml(value));
  const [first] = Object.entries(value);
  return first === undefined ? "" : code(`${first[0]}: ${yaml(first[1])}`);
}

/** A word as YAML has it: in quotes where it would be something else without. */
function yaml(value: unknown): string {
  return typeof value === "string" && !/^(?:[\d.]+|true|false)$/.test(value) ? value : JSON.stringify(value);
}

/** A text as code in Markdown. */
export function code(text: string): string {
  return `\`${text}\``;
}

/** A text in which Markdown finds no tags and no emphasis, but code between backticks. */
export function prose(text: string): string {
  return text
    .split("`")
    .map((part, index) => (index % 2 === 0 ? part.replaceAll(/[<*]/g, "\\$&") : part))
    .join("`");
}

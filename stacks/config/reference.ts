import { isDeepStrictEqual } from "node:util";
import type { JsonSchema, Section } from "./json-schema.ts";

/** Most words that a table lists. */
const MOST_WORDS = 16;

const HEAD = ["| key | values | default | meaning |", "| --- | --- | --- | --- |"];

interface Row {
  key: string;
  values: string;
  fallback: string;
  meaning: string;
}

/**
 * The document with what it says of each section between the comments `<!-- config:NAME -->` and `<!-- /config:NAME -->`; what
 * stands outside of them is left alone. Sections without a place are put at the end, secrets into one table `secrets`.
 * Throws when there is a place for a section that does not exist.
 */
export function withReference(document: string, project: string, sections: readonly Section[]): string {
  const secrets = sections.filter(({ secret }) => secret);
  const texts = new Map(
    sections.filter(({ secret }) => !secret).map((section) => [section.name, sectionText(project, section)]),
  );
  if (secrets.length > 0) texts.set("secrets", secretsText(project, secrets));
  const seen = new Set<string>();
  const filled = document.replaceAll(/<!-- config:(.+?) -->.*?<!-- \/config:\1 -->/gs, (_, name: string) => {
    const text = texts.get(name);
    if (text === undefined || seen.has(name)) {
      const expected = `a place for each section once (${[...texts.keys()].join(", ")})`;
      throw new Error(`Expected ${expected} for docs/config.md but received <!-- config:${name} -->`);
    }
    seen.add(name);
    return place(name, text);
  });
  const missing = [...texts].filter(([name]) => !seen.has(name));
  return [filled, ...missing.map(([name, text]) => `\n## ${project}:${name}\n\n${place(name, text)}\n`)].join("");
}

function place(name: string, text: string): string {
  return `<!-- config:${name} -->\n${text}\n<!-- /config:${name} -->`;
}

function sectionText(project: string, section: Section): string {
  const targets = Object.entries(section.schemas);
  const tables = targets.map(([target, schema]) => ({ target, rows: sectionRows(project, section, schema) }));
  const [first] = tables;
  const common = (first?.rows ?? []).filter((row) => tables.every(({ rows }) => rows.some((own) => same(own, row))));
  return [
    scopeText(section),
    ...(common.length > 0 ? [table(common)] : []),
    ...tables
      .map(({ target, rows }) => ({ target, own: rows.filter((row) => !common.some((each) => same(each, row))) }))
      .filter(({ own }) => own.length > 0)
      .map(({ target, own }) => `With the target \`${target}\`:\n\n${table(own)}`),
  ].join("\n\n");
}

/** What a section is, for which targets it is, and whether it may be missing. */
function scopeText({ schemas, required }: Section): string {
  const [schema = {}, ...others] = Object.values(schemas);
  const alike = others.every(({ description }) => description === schema.description);
  return [
    // Of a section without keys the table says it, and of one that differs the tables together.
    alike && !isLeaf(schema) ? prose(schema.description ?? "") : "",
    `Target: ${Object.keys(schemas).map(code).join(" and ")}.`,
    required ? "Required." : leftOutText(schema),
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");
}

/** What it is when a section is missing. */
function leftOutText(schema: JsonSchema): string {
  if (schema.default === undefined) return "None when left out.";
  const fallback = isLeaf(schema) ? "" : fallbackText(schema.default);
  return fallback === "" ? "May be left out." : `${fallback} when left out.`;
}

function secretsText(project: string, secrets: readonly Section[]): string {
  const rows = secrets.map(({ name, required, schemas }): Row => {
    const [schema = {}] = Object.values(schemas);
    return {
      key: code(`${project}:${name}`),
      values: Object.keys(schemas).map(code).join(", "),
      fallback: required ? "required" : "",
      meaning: prose(schema.description ?? ""),
    };
  });
  return table(rows).replace("| key | values |", "| key | targets |");
}

function same(a: Row, b: Row): boolean {
  return isDeepStrictEqual(a, b);
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ key, values, fallback, meaning }) =>
    [key, values, fallback, meaning].map((cell) => cell.replaceAll("|", "\\|").replace(/.+/, " $& ") || " ").join("|"),
  );
  return [...HEAD, ...lines.map((line) => `|${line}|`)].join("\n");
}

function sectionRows(project: string, { name, required }: Section, schema: JsonSchema): Row[] {
  // A section that has no keys of its own is one itself.
  return isLeaf(schema) ? [row(`${project}:${name}`, schema, required)] : childRows("", schema);
}

function isLeaf({ properties, discriminator, additionalProperties }: JsonSchema): boolean {
  return properties === undefined && discriminator === undefined && !additionalProperties;
}

/** A key, and those below it. */
function rows(key: string, schema: JsonSchema, required: boolean): Row[] {
  return [row(key, schema, required), ...childRows(key, schema)];
}

function childRows(key: string, schema: JsonSchema): Row[] {
  const { properties = {}, required = [], additionalProperties, items, anyOf = [], oneOf = [], discriminator } = schema;
  if (discriminator !== undefined) return oneOf.flatMap((option) => optionRows(key, discriminator, option));
  return [
    ...Object.entries(properties).flatMap(([name, child]) => rows(join(key, name), child, required.includes(name))),
    ...(additionalProperties ? childRows(join(key, "NAME"), additionalProperties) : []),
    ...(items === undefined ? [] : childRows(`${key}[]`, items)),
    ...anyOf.flatMap((option) => childRows(key, { ...option, required: [] })),
  ];
}

function optionRows(key: string, discriminator: string, { properties = {}, required }: JsonSchema): Row[] {
  const { [discriminator]: chosen = {}, ...others } = properties;
  const { description } = chosen;
  const first = row(
    `${join(key, discriminator)}: ${String(chosen.const)}`,
    { ...(description && { description }) },
    false,
  );
  return [first, ...childRows(key, { properties: others, ...(required !== undefined && { required }) })];
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

function fallbackText(value: unknown): string {
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

function code(text: string): string {
  return `\`${text}\``;
}

/** Text in which Markdown finds no tags and no emphasis, but code between backticks. */
function prose(text: string): string {
  return text
    .split("`")
    .map((part, index) => (index % 2 === 0 ? part.replaceAll(/[<*]/g, "\\$&") : part))
    .join("`");
}

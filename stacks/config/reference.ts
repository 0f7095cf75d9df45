import { isDeepStrictEqual } from "node:util";
import type { JsonSchema, Section } from "./json-schema.ts";
import { code, fallbackText, isLeaf, prose, type Row, sectionRows } from "./reference-rows.ts";

const HEAD = ["| key | values | default | meaning |", "| --- | --- | --- | --- |"];

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

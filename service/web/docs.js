// Shows the OpenAPI document of the service that serves this page.

/** @import { Content, Operation, Paths } from "../src/openapi/operations.ts" */
/** @import { OpenapiDocument } from "../src/openapi/document.ts" */
/** @import { JsonSchema } from "../src/openapi/schemas.ts" */

import { byId, copyText, make } from "./dom.js";

/** Schemas inside schemas are shown to this depth; deeper ones are all named. */
const DEEPEST = 4;

/** @param {string} text */
const code = (text) => make("code", {}, [text]);

/**
 * Paragraphs of a text in which `code` is marked so.
 * @param {string} text
 */
function prose(text) {
  return text.split("\n\n").map((paragraph) => {
    const parts = paragraph.split("`").map((part, index) => (index % 2 === 1 ? code(part) : part));
    return make("p", { class: "muted" }, parts);
  });
}

/**
 * @param {readonly string[]} head
 * @param {(Node | string)[][]} rows
 */
function table(head, rows) {
  const cells = head.map((text) => make("th", { scope: "col" }, [text]));
  const body = rows.map((row) =>
    make(
      "tr",
      {},
      row.map((cell) => make("td", {}, [cell])),
    ),
  );
  const whole = make("table", {}, [make("thead", {}, [make("tr", {}, cells)]), make("tbody", {}, body)]);
  return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": head.join(", ") }, [whole]);
}

/**
 * What a value may be, in a few words; names of other schemas are links.
 * @param {JsonSchema} schema
 * @param {number} [depth]
 * @returns {HTMLElement}
 */
function kind(schema, depth = 0) {
  const whole = make("span");
  const { $ref, type, items, prefixItems, anyOf, oneOf, allOf, enum: values, const: only } = schema;
  const either = anyOf ?? oneOf ?? allOf;
  if ($ref !== undefined) {
    const name = $ref.split("/").at(-1) ?? "";
    whole.append(make("a", { href: `#schema-${name}` }, [name]));
  } else if (values !== undefined) whole.append(code(values.map((value) => JSON.stringify(value)).join(" | ")));
  else if (only !== undefined) whole.append(code(JSON.stringify(only)));
  else if (either !== undefined && depth < DEEPEST) {
    for (const [index, option] of either.entries()) whole.append(index > 0 ? " or " : "", kind(option, depth + 1));
  } else if (type === "array" && depth < DEEPEST) {
    const inner = Array.isArray(prefixItems) ? prefixItems : [items];
    whole.append("list of ");
    for (const [index, option] of inner.entries()) {
      whole.append(index > 0 ? ", " : "", kind(/** @type {JsonSchema} */ (option ?? {}), depth + 1));
    }
  } else whole.append(schema.format === "binary" ? "bytes" : String(type ?? "anything"));
  whole.append(limits(schema));
  return whole;
}

/** @param {JsonSchema} schema */
function limits({ minimum, maximum, default: fallback, minItems, maxItems, maxLength }) {
  const [least, most] = [minimum ?? minItems, maximum ?? maxItems];
  const between = most === undefined ? "" : least === undefined ? ` up to ${most}` : ` from ${least} to ${most}`;
  const range = least !== undefined && most === undefined ? ` of at least ${least}` : between;
  const length = maxLength === undefined ? "" : ` of at most ${maxLength} characters`;
  return `${range}${length}${fallback === undefined ? "" : `, default ${JSON.stringify(fallback)}`}`;
}

/** @param {JsonSchema} schema */
function properties({ properties: given = {}, required = [] }) {
  const rows = Object.entries(given).map(([name, property]) => {
    const schema = /** @type {JsonSchema} */ (property);
    const optional = required.includes(name) ? "" : " (optional)";
    return [code(name), make("span", {}, [kind(schema), optional]), schema.description ?? ""];
  });
  return table(["field", "type", "meaning"], rows);
}

/** @param {Content} content */
function bodies(content) {
  return Object.entries(content).map(([type, { schema }]) => {
    const shapes = (schema?.oneOf ?? (schema === undefined ? [] : [schema])).filter(
      (shape) => shape.properties !== undefined,
    );
    if (shapes.length === 0) return make("p", {}, [code(type), ...(schema === undefined ? [] : [": ", kind(schema)])]);
    const tables = shapes.flatMap((shape, index) => [...(index > 0 ? [make("p", {}, ["or"])] : []), properties(shape)]);
    return make("div", {}, [make("p", {}, [code(type)]), ...tables]);
  });
}

/** @param {string} source */
function sample(source) {
  const text = source.replaceAll("$URL", document.baseURI.replace(/\/[^/]*$/, ""));
  const button = make("button", { type: "button" }, ["Copy"]);
  button.addEventListener("click", async () => {
    button.textContent = (await copyText(text)) ? "Copied" : "Select the text to copy it";
  });
  return make("div", {}, [make("pre", { tabindex: "0" }, [code(text)]), button]);
}

/**
 * @param {string} path
 * @param {string} method
 * @param {Operation} operation
 */
function show(path, method, operation) {
  const { summary, description, parameters = [], requestBody, responses, "x-codeSamples": samples = [] } = operation;
  const title = [make("span", { class: "method" }, [method.toUpperCase()]), code(path), ` ${summary}`];
  const parts = [make("summary", {}, title), ...prose(description ?? "")];
  parts.push(...samples.map(({ source }) => sample(source)));
  if (parameters.length > 0) {
    const rows = parameters.map((parameter) => [
      code(parameter.name),
      parameter.in,
      make("span", {}, [kind(parameter.schema), parameter.required ? " (required)" : ""]),
      parameter.description,
    ]);
    parts.push(make("h4", {}, ["Parameters"]), table(["name", "in", "type", "meaning"], rows));
  }
  if (requestBody !== undefined) {
    parts.push(make("h4", {}, ["Body"]), ...prose(requestBody.description), ...bodies(requestBody.content));
  }
  parts.push(make("h4", {}, ["Answers"]));
  for (const [status, answer] of Object.entries(responses)) {
    const content = [...prose(answer.description), ...bodies(answer.content ?? {})];
    parts.push(make("details", {}, [make("summary", {}, [code(status)]), ...content]));
  }
  return make("details", { id: operation.operationId }, parts);
}

/** @param {Paths} paths */
function operationsOf(paths) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
}

/** Opens what the address points at; links to what is closed would lead nowhere. */
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  target.scrollIntoView();
  target.querySelector("summary")?.focus();
}

/** @param {OpenapiDocument} description */
function showDocument({ info, tags, paths, components }) {
  byId("about", HTMLElement).textContent = `${info.description} Version ${info.version}.`;
  const all = operationsOf(paths);
  const links = all.map(({ path, method, operation }) =>
    make("li", {}, [make("a", { href: `#${operation.operationId}` }, [`${method.toUpperCase()} ${path}`])]),
  );
  byId("contents", HTMLElement).append(make("ul", {}, links));
  for (const { name, description } of tags) {
    const shown = all.filter(({ operation }) => operation.tags.includes(name));
    const parts = shown.map(({ path, method, operation }) => show(path, method, operation));
    const head = [make("h2", {}, [name]), make("p", { class: "muted" }, [description])];
    byId("operations", HTMLElement).append(make("section", {}, [...head, ...parts]));
  }
  const schemas = Object.entries(components.schemas).map(([name, schema]) => {
    const shape = schema.properties === undefined ? make("p", {}, [kind(schema)]) : properties(schema);
    const parts = [make("summary", {}, [code(name)]), ...prose(schema.description ?? ""), shape];
    return make("details", { id: `schema-${name}` }, parts);
  });
  byId("schemas", HTMLElement).append(make("h2", {}, ["Schemas"]), ...schemas);
}

try {
  const response = await fetch(new URL("openapi.json", document.baseURI));
  if (!response.ok) throw new Error(`the service answers ${response.status}`);
  showDocument(await response.json());
  addEventListener("hashchange", openTarget);
  openTarget();
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  byId("about", HTMLElement).textContent = `Expected openapi.json, but ${reason}. Load the page again to retry.`;
}

import { createHash } from "node:crypto";
import { checkProperties, type Failure } from "../sdk/check.ts";
import type { ResourceShape } from "../sdk/shape.ts";
import {
  hasUnknown,
  isObject,
  isUnknown,
  type Properties,
  stableJson,
  textsAt,
  UNKNOWN,
  withoutEmpty,
} from "../values.ts";
import type { Model } from "./model.ts";

/** Where the Terraform bridge keeps the names of what it filled in. */
const DEFAULTS = "__defaults";

/** What inputs are checked with. */
export interface CheckOptions {
  type: string;
  /** Logical name of the resource. */
  name: string;
  /** Inputs of the resource as it is; empty when there is none. */
  olds: Properties;
  news: Properties;
  shape: ResourceShape;
  model: Model | undefined;
  /** Tags of every resource. */
  defaultTags: Readonly<Record<string, string>>;
  /** Different for each resource and each replacement of it. */
  randomSeed: Uint8Array | string;
}

/** Inputs as the provider works with them, and what is wrong with them. */
export function checkInputs(options: CheckOptions): { inputs: Properties; failures: Failure[] } {
  const { type, shape, model, defaultTags } = options;
  const news = withoutEmpty(options.news);
  const { name, defaults } = autoName({ ...options, news });
  const inputs: Properties = { ...withTextDocuments(news, shape), ...name, [DEFAULTS]: defaults };
  if (shape.inputs.tags !== undefined) inputs.tagsAll = allTags(news.tags, defaultTags);
  const failures = checkProperties(shape, news, type);
  return { inputs, failures: failures.length > 0 ? failures : modelFailures(model, inputs) };
}

function modelFailures(model: Model | undefined, inputs: Properties): Failure[] {
  const values = Object.entries(model?.values ?? {}).flatMap(([path, allowed]) =>
    textsAt(inputs, path)
      .filter((each) => !allowed.includes(each))
      .map((each) => ({
        property: path,
        reason: `Expected ${path} to be one of ${allowed.join(", ")} but received "${each}"`,
      })),
  );
  return [...values, ...(model?.check?.(inputs) ?? [])];
}

/** Documents as text, as AWS gets them. */
function withTextDocuments(news: Properties, shape: ResourceShape): Properties {
  return Object.fromEntries(
    Object.entries(news).map(([key, value]) => {
      if (shape.inputs[key]?.shape.kind !== "json" || isUnknown(value)) return [key, value];
      if (hasUnknown(value)) return [key, UNKNOWN];
      return [key, normalJson(value)];
    }),
  );
}

/** Documents that say the same get the same text: AWS gives them back in its own form. */
function normalJson(value: unknown): unknown {
  if (isObject(value)) return stableJson(value);
  try {
    return stableJson(JSON.parse(String(value)));
  } catch {
    return value;
  }
}

function allTags(tags: unknown, defaultTags: Readonly<Record<string, string>>): unknown {
  return isUnknown(tags) ? UNKNOWN : { ...defaultTags, ...(isObject(tags) && tags) };
}

/** A name for what was given none: the one that it has, or a new one that nothing else has. */
function autoName({ name, olds, news, model, randomSeed }: CheckOptions): { name: Properties; defaults: string[] } {
  const { property, max = 0, lowerCase } = model?.naming ?? {};
  if (property === undefined || news[property] !== undefined || news[`${property}Prefix`] !== undefined) {
    return { name: {}, defaults: [] };
  }
  const filled = Array.isArray(olds[DEFAULTS]) && olds[DEFAULTS].includes(property);
  const suffix = `-${createHash("sha256").update(randomSeed).update(name).digest("hex").slice(0, 7)}`;
  const fresh = `${name.slice(0, max - suffix.length)}${suffix}`;
  const chosen = filled ? olds[property] : lowerCase ? fresh.toLowerCase() : fresh;
  return { name: { [property]: chosen }, defaults: [property] };
}

/** Whether the provider itself chose the name. */
export function isAutoNamed(inputs: Properties, model: Model | undefined): boolean {
  const defaults = inputs[DEFAULTS];
  return model?.naming === undefined || (Array.isArray(defaults) && defaults.includes(model.naming.property));
}

/** Inputs without what the provider keeps in them for itself. */
export function ownInputs(inputs: Properties): Properties {
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => !key.startsWith("__")));
}

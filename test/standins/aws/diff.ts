import type { ResourceShape } from "../sdk/shape.ts";
import { isUnknown, type Properties, stableJson, textAt, valuesAt } from "../values.ts";
import { isAutoNamed, ownInputs } from "./inputs.ts";
import type { Model } from "./model.ts";

/** What a difference means for a property. */
export type Change = "add" | "delete" | "update";

/** What differs between a resource and what it is to be. */
export interface Difference {
  /** By property. */
  changes: Record<string, Change>;
  /** Properties because of which a new resource is made. */
  replaces: string[];
  /** Whether the old one must go first, because both would have the same name. */
  deleteBeforeReplace: boolean;
}

/** What is compared. */
export interface DiffOptions {
  oldInputs: Properties;
  oldOutputs: Properties;
  news: Properties;
  shape: ResourceShape | undefined;
  model: Model | undefined;
  /** Region of the provider. */
  region: string;
}

/** Compares a resource with what it is to be, as the real provider does. */
export function difference({ oldInputs, oldOutputs, news, shape, model, region }: DiffOptions): Difference {
  const before = ownInputs(oldInputs);
  const after = ownInputs(news);
  const changes = changesBetween(before, after);
  const replaces = new Set<string>(model?.replaceAlso?.(before, after) ?? []);
  for (const path of replacing(model, shape)) {
    const [property = ""] = path.split(".");
    if (changes[property] !== undefined && !same(at(before, path), at(after, path))) replaces.add(property);
  }
  // A resource of a region stays there.
  const was = textAt(oldOutputs, "region");
  const willBe = textAt(after, "region") ?? region;
  if (shape?.inputs.region !== undefined && was !== undefined && was !== willBe) {
    changes.region = "update";
    replaces.add("region");
  }
  return {
    changes,
    replaces: [...replaces],
    deleteBeforeReplace: replaces.size > 0 && sameName(before, news, model),
  };
}

/** Paths of properties whose change makes a new resource: those of the model, or what the SDK's documentation says. */
function replacing(model: Model | undefined, shape: ResourceShape | undefined): readonly string[] {
  if (model !== undefined) return model.replace;
  return Object.entries(shape?.inputs ?? {})
    .filter(([, { replaces }]) => replaces)
    .map(([name]) => name);
}

function changesBetween(before: Properties, after: Properties): Record<string, Change> {
  const changes: Record<string, Change> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[key], after[key]];
    if (same(old, now)) continue;
    changes[key] = old === undefined ? "add" : now === undefined ? "delete" : "update";
  }
  return changes;
}

function same(one: unknown, other: unknown): boolean {
  return stableJson(one) === stableJson(other);
}

function at(inputs: Properties, path: string): unknown {
  const [head = ""] = path.split(".");
  // What is not known yet may be anything.
  return isUnknown(inputs[head]) ? inputs[head] : valuesAt(inputs, path);
}

function sameName(before: Properties, news: Properties, model: Model | undefined): boolean {
  const property = model?.naming?.property;
  if (property === undefined) return false;
  return !isAutoNamed(news, model) && same(before[property], news[property]);
}

/** Properties of a resource, as they go over the wire. */
export type Properties = Record<string, unknown>;

/**
 * What Pulumi sends for a value that is not known yet, by the kind that it will have.
 * https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go
 */
const UNKNOWN_VALUES: ReadonlySet<unknown> = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** What stands for a value of any kind that is not known yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Whether a value itself is not known yet. */
export function isUnknown(value: unknown): boolean {
  return UNKNOWN_VALUES.has(value);
}

/** Whether a value or anything in it is not known yet. */
export function hasUnknown(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasUnknown);
  if (isObject(value)) return Object.values(value).some(hasUnknown);
  return isUnknown(value);
}

/** Whether a value is an object that is neither a list nor null. */
export function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A copy without what is undefined or null, which mean the same to a provider. */
export function withoutEmpty(properties: Readonly<Properties>): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined && value !== null));
}

/** What a path such as `vpcConfig.subnetIds` leads to; through a list, what it leads to in each of its members. */
export function valuesAt(value: unknown, path: string): unknown[] {
  const [head = "", ...rest] = path.split(".");
  const members = Array.isArray(value) ? value : [value];
  const found = members.flatMap((member) => (isObject(member) ? [member[head]] : []));
  const flat = found.flat().filter((each) => each !== undefined && each !== null);
  return rest.length === 0 ? flat : flat.flatMap((each) => valuesAt(each, rest.join(".")));
}

/** The texts that a path leads to; see valuesAt. What is not known yet is left out. */
export function textsAt(value: unknown, path: string): string[] {
  return valuesAt(value, path).filter((each): each is string => typeof each === "string" && !isUnknown(each));
}

/** The first text that a path leads to. */
export function textAt(value: unknown, path: string): string | undefined {
  return textsAt(value, path)[0];
}

/** The first number that a path leads to. */
export function numberAt(value: unknown, path: string): number | undefined {
  return valuesAt(value, path).find((each): each is number => typeof each === "number");
}

/** JSON with its keys in order, so that equal values have equal texts: a map has no order on the wire. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    isObject(each) ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1))) : each,
  );
}

import type { z } from "zod";

/** Longest received value that is printed whole, in characters. */
const VALUE_LENGTH = 80;

/** What zod expected, where the schema itself does not say it. */
export const describeExpected: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "object" || issue.expected === "record" ? "a map of keys and values" : issue.expected;
    case "invalid_value":
      return `one of ${issue.values.join(", ")}`;
    default:
      return undefined;
  }
};

/**
 * Every problem on a line of its own, with the path and the value that was received, in the order of the paths.
 * @param secrets keys of the configuration of which no value is printed, however wrong it is
 */
export function formatProblems(error: z.ZodError, raw: unknown, secrets: readonly string[] = []): string {
  return error.issues
    .flatMap((issue) => problems(issue, withHidden(raw, secrets)))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, expected, received }) => `✖ Expected ${expected} for ${path} but received ${received}`)
    .join("\n");
}

/** The configuration with what stands in secrets hidden, so that no problem can repeat it. */
function withHidden(raw: unknown, secrets: readonly string[]): unknown {
  if (typeof raw !== "object" || raw === null) return raw;
  const entries = Object.entries(raw).map(([key, value]) => [key, secrets.includes(key) ? hidden(value) : value]);
  return Object.fromEntries(entries);
}

function hidden(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return "[secret]";
  return Object.fromEntries(Object.keys(value).map((key) => [key, "[secret]"]));
}

interface Problem {
  path: string;
  expected: string;
  received: string;
}

function problems(issue: z.core.$ZodIssue, raw: unknown): Problem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return { path: pathText(path), expected: "no such key", received: valueText(valueAt(raw, path)) };
    });
  }
  const expected = expectedText(issue);
  // A check across values may be about a default, which the raw configuration does not hold.
  const received = issue.code === "custom" && issue.params ? issue.params.received : valueAt(raw, issue.path);
  return [{ path: pathText(issue.path), expected, received: valueText(received) }];
}

function expectedText(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_union" && issue.discriminator) return unionText(issue);
  // Of a map's key zod itself only says that it is invalid.
  if (issue.code === "invalid_key") return issue.issues.map(({ message }) => message).join(", ");
  return issue.message;
}

function unionText(issue: z.core.$ZodIssueInvalidUnion): string {
  const options = "options" in issue && Array.isArray(issue.options) ? issue.options : [];
  return `one of ${options.join(", ")}`;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    raw,
  );
}

function valueText(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length <= VALUE_LENGTH ? text : `${text.slice(0, VALUE_LENGTH)}…`;
}

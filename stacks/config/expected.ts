import { z } from "zod";
import type { Problem } from "../../infra/problems.ts";

/** What a value of the configuration must be; problems are printed as "Expected <what> for <path> but received <value>". */
export interface Pattern {
  what: string;
  regex: RegExp;
}

/** A string that a pattern describes. Editors say what it must be by the key `patternErrorMessage` of the JSON schema. */
export function text({ what, regex }: Pattern) {
  return z
    .string({ error: what })
    .regex(regex, { error: what })
    .meta({ patternErrorMessage: `Expected ${what}` });
}

/** A whole number within bounds, both included. */
export function integer(min: number, max: number) {
  const what = `a whole number from ${min} to ${max}`;
  return z.int({ error: what }).min(min, { error: what }).max(max, { error: what });
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(...words: Words) {
  return z.enum(words, { error: `one of ${words.join(", ")}` });
}

/** A switch. */
export function flag() {
  return z.boolean({ error: "true or false" });
}

/** A name as Kubernetes allows it for namespaces: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ */
export const DNS_LABEL: Pattern = {
  what: "a name of at most 63 lower-case letters, digits and hyphens",
  regex: /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
};

/** A name of lower-case labels joined by dots, as storage classes and host names have. */
export const DNS_NAME: Pattern = {
  what: "a name of at most 253 lower-case letters, digits, hyphens and dots",
  regex: /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/,
};

/** The absolute path of a file or folder, without a parent step. */
export const ABSOLUTE_PATH: Pattern = {
  what: "an absolute path without ..",
  regex: /^\/(?!.*(?:^|\/)\.\.(?:\/|$)).*$/,
};

/** A key of AWS's Key Management Service. */
export const KEY_ARN: Pattern = {
  what: "the ARN of a key of KMS",
  regex: /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[a-z0-9-]+$/,
};

/** Any text with something in it. */
export const FILLED: Pattern = { what: "some text", regex: /\S/ };

/** A schema whose values, once each of them is well-formed, must also go together. */
export function checked<Schema extends z.ZodType>(schema: Schema, problems: (value: z.output<Schema>) => Problem[]) {
  return schema.superRefine((value, context) => {
    // Zod goes on to this check after a problem, and then with what it could not read.
    if (context.issues.length > 0) return;
    for (const { path, expected, received } of problems(value)) {
      context.addIssue({ code: "custom", path, message: expected, params: { received } });
    }
  });
}

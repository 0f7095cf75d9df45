import { z } from "zod";
import { text } from "./expected.ts";

const SHA256 = { what: "a SHA-256 of 64 lower-case hexadecimal digits", regex: /^[0-9a-f]{64}$/ };

const PINNED_IMAGE = {
  what: "an image pinned by digest (name@sha256:<64 hexadecimal digits>)",
  regex: /^[a-z0-9][a-z0-9._:/-]*(?::[\w.-]+)?@sha256:[0-9a-f]{64}$/,
};

const MODEL_NAME = {
  what: "a name of at most 63 letters, digits, dots, hyphens and underscores",
  regex: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
};

const COMMIT = { what: "a Git commit of 40 hexadecimal digits", regex: /^[0-9a-f]{40}$/ };

/** What runs on a stack: the unit that is promoted from one stack to the next. */
export const releaseSchema = z.strictObject({
  /** Container image of the service. */
  image: text(PINNED_IMAGE),
  /** Model file by content, and the name under which the service reports it. */
  model: z.strictObject({ name: text(MODEL_NAME), sha256: text(SHA256) }),
  /** Commit that the image was built from. */
  commit: text(COMMIT).optional(),
});

/** An image and a model, both by digest, and the commit that they come from. */
export type Release = z.infer<typeof releaseSchema>;

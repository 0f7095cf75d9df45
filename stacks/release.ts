import { z } from "zod";
import { text } from "./config/expected.ts";

const SHA256 = { what: "a SHA-256 of 64 lower-case hexadecimal digits", regex: /^[0-9a-f]{64}$/ };

const PINNED_IMAGE = {
  what: "an image pinned by digest (name@sha256:<64 hexadecimal digits>)",
  regex: /^[a-z0-9][a-z0-9._:/-]*(?::[\w.-]+)?@sha256:[0-9a-f]{64}$/,
};

const MODEL_NAME = {
  what: "a name of at most 63 letters, digits, dots, hyphens and underscores",
  regex: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
};

/** A release stands in the repository: an address that grants access by its query, or a password, has no place in it. */
const MODEL_URI = {
  what: "an https: or s3: address without a user, a password, a query and a comma",
  regex: /^(?:https:\/\/[^\s/?#@,]+|s3:\/\/[a-z0-9.-]+)\/[^\s?#@,]+$/,
};

const COMMIT = { what: "a Git commit of 40 hexadecimal digits", regex: /^[0-9a-f]{40}$/ };

const modelSchema = z.strictObject({
  name: text(MODEL_NAME).describe("Name under which the service reports the model."),
  sha256: text(SHA256).describe("SHA-256 of the ONNX file."),
  uri: text(MODEL_URI)
    .optional()
    .describe(
      "Address, with no secret in it, where pods get the file; without it the volume holds it as `<sha256>.onnx`.",
    ),
});

/** What runs on a stack: the unit that is promoted from one stack to the next. */
export const releaseSchema = z
  .strictObject({
    image: text(PINNED_IMAGE).describe("Container image of the service, pinned by digest."),
    model: modelSchema.describe("Model file by its content."),
    commit: text(COMMIT).optional().describe("Git commit that the image was built from."),
  })
  .describe("What runs: the unit that is promoted from one stack to the next.");

/** An image and a model, both by digest, and the commit that they come from. */
export type Release = z.infer<typeof releaseSchema>;

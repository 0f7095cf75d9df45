import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { modelProblems } from "../../infra/detector/checks.ts";
import { apiKeysSchema } from "./api-keys.ts";
import { describeExpected, formatProblems } from "./problems.ts";
import { detectorSchema, modelStoreSchema } from "./detector.ts";
import { FILLED, text } from "./expected.ts";
import { releaseSchema } from "../release.ts";

const clusterSchema = z.discriminatedUnion("target", [
  z.strictObject({
    /** A cluster that exists, whoever made it. */
    target: z.literal("kubeconfig"),
    /** Path of the kubeconfig file, relative to the project. Defaults to that of kubectl. */
    kubeconfig: text(FILLED).optional(),
    /** Context of the kubeconfig file. Defaults to its current one. */
    context: text(FILLED).optional(),
  }),
]);

const stackConfigSchema = z
  .strictObject({
    cluster: clusterSchema,
    release: releaseSchema,
    modelStore: modelStoreSchema,
    detector: detectorSchema.prefault({}),
    /** A secret; see StackSecrets. */
    apiKeys: apiKeysSchema.optional(),
  })
  .superRefine(({ release, modelStore }, context) => {
    // Zod goes on to this check after a problem, and then with what it could not read.
    if (context.issues.length > 0) return;
    for (const { path, expected, received } of modelProblems(release.model, modelStore.volume)) {
      context.addIssue({ code: "custom", path, message: expected, params: { received } });
    }
  });

/** The sections of a stack's configuration, with every default filled in. */
export type StackConfig = Omit<z.infer<typeof stackConfigSchema>, keyof StackSecrets>;

/** The cluster section of a stack's configuration. */
export type ClusterConfig = StackConfig["cluster"];

/** Secrets of a stack. They stand outside the sections, so that no section has to be encrypted as a whole. */
export interface StackSecrets {
  /** Lines `NAME:HEX` of the service's API keys; missing when it asks for none. */
  apiKeys?: pulumi.Output<string>;
}

/** Keys of the project's namespace that hold a secret and no section. */
const SECRET_KEYS = ["apiKeys"] as const satisfies (keyof StackSecrets)[];

/**
 * Reads and checks the configuration of the stack that Pulumi runs.
 * Throws one RunError with all problems, before any resource is touched.
 */
export function readStackConfig(): { config: StackConfig; secrets: StackSecrets } {
  const project = new pulumi.Config();
  const prefix = `${pulumi.getProject()}:`;
  const sections = Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]): [string, unknown] => [key.slice(prefix.length), value])
    .map(([key, value]) => [key, SECRET_KEYS.some((secret) => secret === key) ? value : sectionValue(String(value))]);
  const config = parseStackConfig(Object.fromEntries(sections));
  const apiKeys = project.getSecret("apiKeys");
  return { config, secrets: apiKeys === undefined ? {} : { apiKeys } };
}

/** Checks a stack's configuration, its secrets included, and fills in defaults of its sections. Throws one RunError with all problems. */
export function parseStackConfig(raw: Readonly<Record<string, unknown>>): StackConfig {
  const result = stackConfigSchema.safeParse(raw, { error: describeExpected });
  if (result.success) {
    const { apiKeys: _, ...config } = result.data;
    return config;
  }
  const problems = formatProblems(result.error, raw);
  throw new pulumi.RunError(
    `Invalid stack config:\n${problems}\nNothing was changed. docs/config.md describes every key.`,
  );
}

/** A section arrives as JSON; what is none is left to the schema, which says what it expected. */
function sectionValue(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

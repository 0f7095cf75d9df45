import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { describeExpected, formatProblems } from "./config-problems.ts";
import { detectorSchema, modelStoreSchema } from "./detector-config.ts";
import { FILLED, text } from "./expected.ts";
import { releaseSchema } from "./release.ts";

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

const stackConfigSchema = z.strictObject({
  cluster: clusterSchema,
  release: releaseSchema,
  modelStore: modelStoreSchema,
  detector: detectorSchema.prefault({}),
});

/** The sections of a stack's configuration, with every default filled in. */
export type StackConfig = z.infer<typeof stackConfigSchema>;

/** The cluster section of a stack's configuration. */
export type ClusterConfig = StackConfig["cluster"];

/** Secrets of a stack. They stand outside the sections, so that no section has to be encrypted as a whole. */
export interface StackSecrets {
  /** Comma-separated API keys of the service; empty when it asks for none. */
  apiKeys: pulumi.Output<string>;
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
    .map(([key, value]): [string, unknown] => [key.slice(prefix.length), sectionValue(value)])
    .filter(([key]) => !SECRET_KEYS.some((secret) => secret === key));
  const config = parseStackConfig(Object.fromEntries(sections));
  return { config, secrets: { apiKeys: project.getSecret("apiKeys") ?? pulumi.secret("") } };
}

/** Checks the sections of a stack's configuration and fills in defaults. Throws one RunError with all problems. */
export function parseStackConfig(raw: Readonly<Record<string, unknown>>): StackConfig {
  const result = stackConfigSchema.safeParse(raw, { error: describeExpected });
  if (result.success) return result.data;
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

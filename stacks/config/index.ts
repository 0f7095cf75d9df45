import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { modelProblems } from "../../infra/detector/checks.ts";
import { type Problem, problem } from "../../infra/problems.ts";
import { releaseSchema } from "../release.ts";
import { apiKeysSchema } from "./api-keys.ts";
import { eksClusterSchema } from "./cluster.ts";
import { detectorSchema } from "./detector.ts";
import { checked, FILLED, text } from "./expected.ts";
import { modelStoreSchema } from "./model-volume.ts";
import { grafanaPasswordSchema, receiverSecretsSchema } from "./monitoring.ts";
import { platformProblems, platformShape } from "./platform.ts";
import { describeExpected, formatProblems } from "./problems.ts";

const kubeconfigClusterSchema = z
  .strictObject({
    target: z
      .literal("kubeconfig", { error: "one of kubeconfig, eks" })
      .describe("A cluster that exists, whoever made it."),
    kubeconfig: text(FILLED)
      .optional()
      .describe("Path of the kubeconfig file, relative to the project; it must exist. That of kubectl when left out."),
    context: text(FILLED)
      .optional()
      .describe("Context within the file. Name it: the current one, when left out, can move, and the stack with it."),
  })
  .describe("A cluster that exists, whoever made it.");

/** What runs on a cluster, whoever made it. */
const workloadShape = {
  release: releaseSchema,
  modelStore: modelStoreSchema,
  detector: detectorSchema.prefault({}),
  apiKeys: apiKeysSchema.optional().meta({
    secret: true,
    description:
      "Who may call the service: a line NAME:HEX for each key, the SHA-256 of the key; # begins a comment. No key is asked for when left out.",
  }),
};

const KEDA_IS_ELSEWHERE = problem(
  ["detector", "autoscaling", "keda"],
  "none on a cluster that the stack does not make, because it needs KEDA and Prometheus there,",
  {},
);

const kubeconfigStackSchema = checked(
  z.strictObject({ cluster: kubeconfigClusterSchema, ...workloadShape }),
  ({ release, modelStore, detector }) => [
    ...modelProblems(release.model, modelStore.volume),
    ...(detector.autoscaling.keda === undefined ? [] : [KEDA_IS_ELSEWHERE]),
  ],
);

function releaseProblems(serve: boolean): Problem[] {
  return serve ? [problem(["release"], "what runs, or serve: false until there is an image,", undefined)] : [];
}

const eksStackSchema = checked(
  z.strictObject({
    cluster: eksClusterSchema,
    ...workloadShape,
    release: releaseSchema.optional(),
    ...platformShape,
    grafanaPassword: grafanaPasswordSchema.meta({ secret: true, description: "Password of Grafana's user `admin`." }),
    receivers: receiverSecretsSchema.default({}).meta({
      secret: true,
      description: "What grants access to each receiver of monitoring.alertmanager.receivers, by its name.",
    }),
  }),
  (config) => [
    ...(config.release === undefined
      ? releaseProblems(config.serve)
      : modelProblems(config.release.model, config.modelStore.volume)),
    ...platformProblems(config),
  ],
);

/** What each target's configuration must be. A key that stands in an encrypted value has `secret: true` in its metadata. */
export const STACK_SCHEMAS = { kubeconfig: kubeconfigStackSchema, eks: eksStackSchema };

/** A stack on a cluster that exists: the sections of its configuration, with every default filled in. */
export type KubeconfigStackConfig = Omit<z.infer<typeof kubeconfigStackSchema>, keyof StackSecrets>;

/** A stack on a cluster that it makes on Amazon EKS. */
export type EksStackConfig = Omit<z.infer<typeof eksStackSchema>, keyof StackSecrets>;

/** The sections of a stack's configuration, with every default filled in. */
export type StackConfig = KubeconfigStackConfig | EksStackConfig;

/** Whether a stack makes its cluster on Amazon EKS. */
export function isEks(config: StackConfig): config is EksStackConfig {
  return config.cluster.target === "eks";
}

/** Secrets of a stack. They stand outside the sections, so that no section has to be encrypted as a whole. */
export interface StackSecrets {
  /** Lines `NAME:HEX` of the service's API keys; missing when it asks for none. */
  apiKeys?: pulumi.Output<string> | undefined;
  /** Password of Grafana's user `admin`; every stack on EKS has one. */
  grafanaPassword?: pulumi.Output<string> | undefined;
  /** What grants access to the receivers of alerts, by their names. */
  receivers?: pulumi.Output<Record<string, string>> | undefined;
}

/** Keys of the project's namespace that hold a secret and no section. */
const SECRET_KEYS: readonly string[] = ["apiKeys", "grafanaPassword", "receivers"] satisfies (keyof StackSecrets)[];

/** Those of them that hold a text and no map. */
const TEXT_KEYS: readonly string[] = ["apiKeys", "grafanaPassword"] satisfies (keyof StackSecrets)[];

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
    .map(([key, value]) => [key, TEXT_KEYS.includes(key) ? value : sectionValue(String(value))]);
  const config = parseStackConfig(Object.fromEntries(sections));
  const secrets = {
    apiKeys: project.getSecret("apiKeys"),
    grafanaPassword: project.getSecret("grafanaPassword"),
    receivers: project.getSecretObject<Record<string, string>>("receivers"),
  };
  return { config, secrets };
}

/** Checks a stack's configuration, its secrets included, and fills in defaults of its sections. Throws one RunError with all problems. */
export function parseStackConfig(raw: Readonly<Record<string, unknown>>): StackConfig {
  const result = schemaFor(raw).safeParse(raw, { error: describeExpected });
  if (result.success) {
    return withoutSecrets(result.data);
  }
  const problems = formatProblems(result.error, raw, SECRET_KEYS);
  throw new pulumi.RunError(
    `Invalid stack config:\n${problems}\nNothing was changed. docs/config.md describes every key.`,
  );
}

function withoutSecrets<Data extends z.infer<typeof kubeconfigStackSchema> | z.infer<typeof eksStackSchema>>(
  data: Data,
) {
  const {
    apiKeys: _,
    grafanaPassword: __,
    receivers: ___,
    ...config
  } = { grafanaPassword: "", receivers: {}, ...data };
  return config;
}

/** The schema of a stack, by the target of its cluster. */
function schemaFor({ cluster }: Readonly<Record<string, unknown>>) {
  const eks = typeof cluster === "object" && cluster !== null && "target" in cluster && cluster.target === "eks";
  return eks ? eksStackSchema : kubeconfigStackSchema;
}

/** A section arrives as JSON; what is none is left to the schema, which says what it expected. */
function sectionValue(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

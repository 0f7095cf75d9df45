import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ENVIRONMENT, ORIGIN } from "../contract.ts";
import { StartError } from "./errors.ts";
import type { ProviderName } from "./inference/messages.ts";
import { parseModels } from "./model/reference.ts";

const PROVIDERS = ["cpu", "cuda", "tensorrt"] as const satisfies readonly ProviderName[];

/** Beyond this a number is more likely a mistake; on larger machines the default stops here. */
const MOST_THREADS = 256;

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

const integer = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d+$/, { error: ({ input }) => expected(`a whole number from ${least} to ${most}`, input) })
    .transform(Number)
    .refine((value) => value >= least && value <= most, {
      error: ({ input }) => expected(`a whole number from ${least} to ${most}`, input),
    });

function expected(what: string, value: unknown): string {
  return value === undefined
    ? `expected ${what} but it is not set`
    : `expected ${what} but received ${JSON.stringify(value)}`;
}

interface Setting<Schema extends z.ZodType> {
  key: string;
  meaning: string;
  /** Text that stands for a missing value; a setting without one must be given. */
  default?: string;
  schema: Schema;
}

const setting = <Schema extends z.ZodType>(value: Setting<Schema>) => value;

const list = (value: string) =>
  value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

const oneOf = <const Values extends readonly string[]>(values: Values) =>
  z.enum(values, { error: ({ input }) => expected(`one of ${values.join(", ")}`, input) });

/** A list of texts of one form, with commas between. */
const listOf = (what: string, form: RegExp) =>
  z
    .string()
    .transform(list)
    .refine((parts) => parts.every((part) => form.test(part)), {
      error: ({ input }) => expected(`${what}, with commas between`, input),
    });

const SETTINGS = {
  models: setting({
    key: ENVIRONMENT.models,
    meaning: "models as NAME=URI@sha256:HEX with commas between, the default one first; URIs are file:, https: or s3:",
    schema: z
      .string({ error: ({ input }) => expected("at least one model as NAME=URI@sha256:HEX", input) })
      .transform((value, context) => {
        try {
          return parseModels(value);
        } catch (error) {
          if (!(error instanceof StartError)) throw error;
          context.addIssue({ code: "custom", message: error.message });
          return z.NEVER;
        }
      }),
  }),
  modelCacheDir: setting({
    key: ENVIRONMENT.modelCacheDir,
    meaning: "folder for downloaded models",
    default: join(tmpdir(), "yolo-models"),
    schema: z.string(),
  }),
  executionProvider: setting({
    key: ENVIRONMENT.executionProvider,
    meaning: `what runs the models: ${PROVIDERS.join(", ")}`,
    default: "cpu",
    schema: oneOf(PROVIDERS),
  }),
  threads: setting({
    key: ENVIRONMENT.threads,
    meaning: "processors that inference may use; all of them when empty",
    default: String(Math.min(MOST_THREADS, availableParallelism())),
    schema: integer(1, MOST_THREADS),
  }),
  workers: setting({
    key: ENVIRONMENT.workers,
    meaning: "inference threads, each with its own session; as many as THREADS when empty, on a GPU two",
    default: "",
    schema: z.union([z.literal("").transform(() => undefined), integer(1, MOST_THREADS)], {
      error: ({ input }) => expected(`a whole number from 1 to ${MOST_THREADS}`, input),
    }),
  }),
  maxBatch: setting({
    key: ENVIRONMENT.maxBatch,
    meaning: "most images that one run takes together; more than 1 pays on a GPU only",
    default: "1",
    schema: integer(1, 128),
  }),
  maxBatchDelayMs: setting({
    key: ENVIRONMENT.maxBatchDelayMs,
    meaning: "milliseconds that an image waits for others to share its run with",
    default: "2",
    schema: integer(0, 1000),
  }),
  queueLimit: setting({
    key: ENVIRONMENT.queueLimit,
    meaning: "requests that may wait for a worker; one more is answered 503",
    default: "64",
    schema: integer(0, 100_000),
  }),
  requestTimeoutMs: setting({
    key: ENVIRONMENT.requestTimeoutMs,
    meaning: "milliseconds until a request that waits or runs is answered 503",
    default: "10000",
    schema: integer(1, 600_000),
  }),
  bodyLimitBytes: setting({
    key: ENVIRONMENT.bodyLimitBytes,
    meaning: "largest request body in bytes",
    default: "20971520",
    schema: integer(1, 1_073_741_824),
  }),
  pixelLimit: setting({
    key: ENVIRONMENT.pixelLimit,
    meaning:
      "largest image in pixels, width x height, which count 2 in AVIF and up to 3 with alpha; a worker takes 12 bytes for each",
    default: "50000000",
    schema: integer(1, 1_000_000_000),
  }),
  resize: setting({
    key: ENVIRONMENT.resize,
    meaning: "exact scales as OpenCV does, bit for bit; fast lets large photos be decoded smaller",
    default: "exact",
    schema: oneOf(["exact", "fast"]),
  }),
  fetchHosts: setting({
    key: ENVIRONMENT.fetchHosts,
    meaning:
      "hosts from which images are fetched for callers that send a URL, with commas between; *.NAME for all below it",
    default: "",
    schema: listOf("host names, each with an optional :PORT", /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$/),
  }),
  corsOrigins: setting({
    key: ENVIRONMENT.corsOrigins,
    meaning: "origins of web pages that may call the service, with commas between, or *",
    default: "",
    schema: listOf("origins such as https://app.example.com as browsers write them, or *", ORIGIN),
  }),
  apiKeysFile: setting({
    key: ENVIRONMENT.apiKeysFile,
    meaning: "file with the API keys, lines NAME:SHA-256; open to all when empty",
    default: "",
    schema: z.string(),
  }),
  rateLimitPerMinute: setting({
    key: ENVIRONMENT.rateLimitPerMinute,
    meaning: "requests a minute for each key, or each address where no keys are asked for; no limit when 0",
    default: "0",
    schema: integer(0, 1_000_000),
  }),
  otlpEndpoint: setting({
    key: ENVIRONMENT.otlpEndpoint,
    meaning: "where traces are sent by OTLP over HTTP; nowhere when empty",
    default: "",
    schema: z.union([z.literal(""), z.url({ protocol: /^https?$/ })], {
      error: ({ input }) => expected("an http: or https: address", input),
    }),
  }),
  page: setting({
    key: ENVIRONMENT.page,
    meaning: "whether the pages at / and /docs are served: on or off",
    default: "on",
    schema: oneOf(["on", "off"]).transform((value) => value === "on"),
  }),
  logLevel: setting({
    key: ENVIRONMENT.logLevel,
    meaning: `lowest level that is logged: ${LOG_LEVELS.join(", ")}`,
    default: "info",
    schema: oneOf(LOG_LEVELS),
  }),
} satisfies Record<keyof typeof ENVIRONMENT, Setting<z.ZodType>>;

/** The settings of the service, read and checked. */
export type Config = { [Key in keyof typeof SETTINGS]: z.infer<(typeof SETTINGS)[Key]["schema"]> } & {
  /** Settled: what was set, or what suits the execution provider. */
  workers: number;
};

type Schemas = { [Key in keyof typeof SETTINGS]: (typeof SETTINGS)[Key]["schema"] };

const SCHEMA = z.object(
  Object.fromEntries(Object.entries(SETTINGS).map(([name, { schema }]) => [name, schema])) as unknown as Schemas,
);

/**
 * Reads the settings from environment variables; an empty variable counts as missing.
 * @throws StartError that names every problem at once
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.entries(SETTINGS).map(([name, { key, default: fallback }]: [string, Setting<z.ZodType>]) => {
    return [name, environment[key]?.trim() || fallback] as const;
  });
  const result = SCHEMA.safeParse(Object.fromEntries(given));
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => {
      return `  ${SETTINGS[path[0] as keyof typeof SETTINGS].key}: ${message.replaceAll("\n", "\n    ")}`;
    });
    throw new StartError(`Invalid environment:\n${problems.join("\n")}\nRun with --help to see all settings.`);
  }
  const { workers, threads, executionProvider } = result.data;
  // On processors a run beside others does best with a thread of its own; on a GPU one worker prepares images while one runs.
  return { ...result.data, workers: workers ?? (executionProvider === "cpu" ? threads : 2) };
}

/** The settings with their meaning and default, for `--help`. */
export function settingsHelp(): string {
  const rows = Object.values(SETTINGS).map(({ key, meaning, default: fallback }: Setting<z.ZodType>) => {
    const rule = fallback === undefined ? "must be set" : `default: ${fallback === "" ? "empty" : fallback}`;
    return `  ${key.padEnd(28)}${meaning} (${rule})`;
  });
  return `Environment variables:\n${rows.join("\n")}`;
}

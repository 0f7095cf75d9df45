import { availableParallelism } from "node:os";
import { basename, extname } from "node:path";
import { z } from "zod";
import { ENVIRONMENT, SECRET_ENVIRONMENT } from "../contract.ts";
import { StartError } from "./errors.ts";

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

const SETTINGS = {
  modelPath: setting({
    key: ENVIRONMENT.modelPath,
    meaning: "path of the ONNX file",
    schema: z.string({ error: ({ input }) => expected("the path of an ONNX file", input) }),
  }),
  modelSha256: setting({
    key: ENVIRONMENT.modelSha256,
    meaning: "SHA-256 that the ONNX file must have",
    schema: z
      .string({ error: ({ input }) => expected("the SHA-256 of the ONNX file", input) })
      .regex(/^[0-9a-f]{64}$/, {
        error: ({ input }) => expected("64 lower-case hexadecimal digits", input),
      }),
  }),
  modelName: setting({
    key: ENVIRONMENT.modelName,
    meaning: "name under which the model is reported; the file's name without its ending when empty",
    default: "",
    schema: z.string().max(128, { error: ({ input }) => expected("at most 128 characters", input) }),
  }),
  workers: setting({
    key: ENVIRONMENT.workers,
    meaning: "inference threads, each with its own session; as many as there are processors when empty",
    default: String(availableParallelism()),
    schema: integer(1, 256),
  }),
  threadsPerWorker: setting({
    key: ENVIRONMENT.threadsPerWorker,
    meaning: "ONNX Runtime threads in each worker",
    default: "1",
    schema: integer(1, 256),
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
    meaning: "largest image in pixels, width x height; a worker takes about 3 bytes for each",
    default: "50000000",
    schema: integer(1, 1_000_000_000),
  }),
  logLevel: setting({
    key: ENVIRONMENT.logLevel,
    meaning: `lowest level that is logged: ${LOG_LEVELS.join(", ")}`,
    default: "info",
    schema: z.enum(LOG_LEVELS, { error: ({ input }) => expected(`one of ${LOG_LEVELS.join(", ")}`, input) }),
  }),
  apiKeys: setting({
    key: SECRET_ENVIRONMENT.apiKeys,
    meaning: "comma-separated keys of which /predict wants one in x-api-key; open to all when empty",
    default: "",
    schema: z.string().transform((list) =>
      list
        .split(",")
        .map((key) => key.trim())
        .filter((key) => key !== ""),
    ),
  }),
} satisfies Record<keyof typeof ENVIRONMENT | keyof typeof SECRET_ENVIRONMENT, Setting<z.ZodType>>;

/** The settings of the service, read and checked. */
export type Config = { [Key in keyof typeof SETTINGS]: z.infer<(typeof SETTINGS)[Key]["schema"]> };

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
      return `  ${SETTINGS[path[0] as keyof typeof SETTINGS].key}: ${message}`;
    });
    throw new StartError(`Invalid environment:\n${problems.join("\n")}\nRun with --help to see all settings.`);
  }
  const config = result.data as Config;
  return { ...config, modelName: config.modelName || basename(config.modelPath, extname(config.modelPath)) };
}

/** The settings with their meaning and default, for `--help`. */
export function settingsHelp(): string {
  const rows = Object.values(SETTINGS).map(({ key, meaning, default: fallback }: Setting<z.ZodType>) => {
    const rule = fallback === undefined ? "must be set" : `default: ${fallback === "" ? "empty" : fallback}`;
    return `  ${key.padEnd(20)}${meaning} (${rule})`;
  });
  return `Environment variables:\n${rows.join("\n")}`;
}

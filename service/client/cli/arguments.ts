import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ClientOptions, PredictOptions } from "../index.ts";
import { DETECT_USAGE, INFO_USAGE, USAGE, UsageError } from "./usage.ts";

/** What `yolo detect` is to do. */
export interface DetectCommand {
  command: "detect";
  client: ClientOptions;
  photos: string[];
  options: Omit<PredictOptions, "classes">;
  /** Names or indices, as they were given. */
  classes: string[];
  concurrency: number;
  /** Where to write drawn photos, or in which form to print what was found. */
  result: { output: string } | "json" | "table";
}

/** What the command line asks for. */
export type Command =
  | DetectCommand
  | { command: "info"; client: ClientOptions; json: boolean }
  | { command: "print"; text: string };

/** From where the process was started, and with which variables. */
export interface Surroundings {
  /** Folder that paths on the command line are relative to. */
  folder: string;
  environment: Readonly<Record<string, string | undefined>>;
}

const SERVICE_OPTIONS = {
  url: { type: "string" },
  "key-file": { type: "string" },
  timeout: { type: "string" },
  json: { type: "boolean" },
} as const;

const DETECT_OPTIONS = {
  ...SERVICE_OPTIONS,
  conf: { type: "string" },
  iou: { type: "string" },
  "max-det": { type: "string" },
  classes: { type: "string" },
  imgsz: { type: "string" },
  model: { type: "string" },
  output: { type: "string" },
  concurrency: { type: "string" },
  retries: { type: "string" },
} as const;

interface Limits {
  from: number;
  to: number;
  whole?: boolean;
}

/**
 * Reads the command line.
 * @throws UsageError that says what was expected
 */
export function parseCommand(args: readonly string[], surroundings: Surroundings): Command {
  const [command, ...rest] = args;
  const help = args.includes("--help") || args.includes("-h");
  switch (command) {
    case "detect":
      return help ? { command: "print", text: DETECT_USAGE } : parseDetect(rest, surroundings);
    case "info":
      return help ? { command: "print", text: INFO_USAGE } : parseInfo(rest, surroundings);
    case "--version":
      return { command: "print", text: version() };
    default:
      if (help) return { command: "print", text: USAGE };
      throw new UsageError(
        `Expected detect or info but received ${command === undefined ? "no command" : JSON.stringify(command)}.\n\n${USAGE}`,
      );
  }
}

function parseDetect(args: string[], surroundings: Surroundings): DetectCommand {
  const { values, positionals } = parse(() => {
    return parseArgs({ args, options: DETECT_OPTIONS, allowPositionals: true, strict: true });
  });
  if (positionals.length === 0) throw new UsageError("Expected at least one photo, folder or - but received none.");
  if (positionals.filter((photo) => photo === "-").length > 1) throw new UsageError("Expected - once at most.");
  if (values.json === true && values.output !== undefined) {
    throw new UsageError("Expected --json or --output but received both.");
  }
  const number = (name: Exclude<keyof typeof values, "json">, limits: Limits) => readNumber(name, values[name], limits);
  const retries = number("retries", { from: 0, to: 100, whole: true });
  const client = readClient(values, surroundings);
  return {
    command: "detect",
    client: retries === undefined ? client : { ...client, retries },
    photos: positionals,
    options: {
      conf: number("conf", { from: 0.01, to: 1 }),
      iou: number("iou", { from: 0, to: 0.95 }),
      maxDet: number("max-det", { from: 1, to: 300, whole: true }),
      imgsz: number("imgsz", { from: 32, to: 1280, whole: true }),
      model: values.model,
    },
    classes: readClasses(values.classes),
    concurrency: number("concurrency", { from: 1, to: 64, whole: true }) ?? 4,
    result:
      values.output === undefined
        ? values.json === true
          ? "json"
          : "table"
        : { output: resolve(surroundings.folder, values.output) },
  };
}

function parseInfo(args: string[], surroundings: Surroundings): Command {
  const { values } = parse(() => parseArgs({ args, options: SERVICE_OPTIONS, strict: true }));
  return { command: "info", client: readClient(values, surroundings), json: values.json === true };
}

/** Node's own messages say which option is wrong; the way out is added. */
function parse<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`${error.message}${error.message.endsWith(".") ? "" : "."}`, { cause: error });
  }
}

function readClient(
  values: { url?: string | undefined; "key-file"?: string | undefined; timeout?: string | undefined },
  { folder, environment }: Surroundings,
): ClientOptions {
  const url = values.url ?? environment.YOLO_URL;
  if (url === undefined || url === "") {
    throw new UsageError(
      "Expected the service's address as --url or in the variable YOLO_URL, such as http://127.0.0.1:8080.",
    );
  }
  const seconds = readNumber("timeout", values.timeout, { from: 0.001, to: 86_400 }) ?? 60;
  const apiKey = readKey(values["key-file"], folder) ?? environment.YOLO_API_KEY;
  const client = { url, timeoutMs: seconds * 1000 };
  return apiKey === undefined || apiKey === "" ? client : { ...client, apiKey };
}

function readKey(file: string | undefined, folder: string): string | undefined {
  if (file === undefined) return undefined;
  let key: string;
  try {
    key = readFileSync(resolve(folder, file), "utf8").trim();
  } catch (error) {
    throw new UsageError(`Expected a file with the API key as --key-file but: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  // What cannot be sent in a header is no key, but most often the wrong file.
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new UsageError(`Expected one line with an API key in ${file} but it has something else.`);
  return key;
}

function readNumber(name: string, text: string | undefined, { from, to, whole = false }: Limits): number | undefined {
  if (text === undefined) return undefined;
  const value = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to && (!whole || Number.isInteger(value))) return value;
  const kind = whole ? "a whole number" : "a number";
  throw new UsageError(`Expected ${kind} from ${from} to ${to} for --${name} but received ${JSON.stringify(text)}.`);
}

function readClasses(text: string | undefined): string[] {
  const classes = (text ?? "").split(",").map((part) => part.trim());
  if (text === undefined) return [];
  if (classes.includes("")) {
    throw new UsageError(
      `Expected names or indices with commas between for --classes but received ${JSON.stringify(text)}.`,
    );
  }
  return classes;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}

import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DETECTOR_CONFIG } from "../../local/image/detector.ts";
import { CACHE_DIR, ROOT } from "../../local/paths.ts";
import { PATHS } from "../../service/contract.ts";
import { pythonEnvironment } from "../../test/support/python.ts";
import type { Call } from "./load.ts";

const HERE = import.meta.dirname;
const PROCESSORS = availableParallelism();

/** The Python of a peer; installs it the first time. */
const peer = (name: string, signal: AbortSignal) =>
  pythonEnvironment(join(HERE, `${name}.txt`), { folder: join(CACHE_DIR, "bench"), signal });

/** What all servers are given. */
export interface Inputs {
  /** Path of the ONNX file, and its content. */
  model: string;
  content: Uint8Array;
  /** A JPEG. */
  photo: Uint8Array;
  /** Folder for files of one run. */
  folder: string;
}

/** How a server is started: as a process of its own. */
export interface Command {
  program: string;
  args: string[];
  env: Record<string, string>;
}

/** A server that is measured. */
export interface Contender {
  name: string;
  /** The limits run the model and nothing else: on all processors for one caller, on one each for several. */
  kind: "limit alone" | "limit together" | "ours" | "defaults" | "tuned";
  command(port: number, inputs: Inputs, signal: AbortSignal): Promise<Command>;
  /** A path that answers 200 once the server is ready. */
  ready: string;
  /** One photo, as the server takes it. */
  call(url: string, photo: Uint8Array): Call;
  /** What was found in the photo, of an answer; a limit finds nothing. */
  found?(answer: Buffer): Found[];
}

/** An object, as all servers write it. */
export interface Found {
  class: number;
  confidence: number;
  box: { x1: number; y1: number; x2: number; y2: number };
}

function jpeg(path: string) {
  return (url: string, photo: Uint8Array): Call => ({
    url: url + path,
    method: "POST",
    headers: { "content-type": "image/jpeg", "content-length": String(photo.length) },
    body: photo,
  });
}

/** The photo as a file in a form. */
function form(url: string, photo: Uint8Array): Call {
  const border = "----bench";
  const disposition = 'content-disposition: form-data; name="photo"; filename="photo.jpg"';
  const head = `--${border}\r\n${disposition}\r\ncontent-type: image/jpeg\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(head), photo, Buffer.from(`\r\n--${border}--\r\n`)]);
  const headers = { "content-type": `multipart/form-data; boundary=${border}`, "content-length": String(body.length) };
  return { url: `${url}/predict`, method: "POST", headers, body };
}

const parse = (answer: Buffer) => JSON.parse(answer.toString());

/** The Python peers' answer. */
const foundByPeer = (answer: Buffer): Found[] => parse(answer).results;

function limit(kind: "limit alone" | "limit together", sessions: number, threads: number): Contender {
  return {
    name: `limit: ${sessions} x ${threads} thread${threads === 1 ? "" : "s"}`,
    kind,
    command: async (port, { model }) => ({
      program: process.execPath,
      args: [join(HERE, "limit.ts"), String(sessions), String(threads)],
      env: { BENCH_PORT: String(port), BENCH_MODEL: model },
    }),
    ready: "/",
    call: (url) => ({ url, method: "GET", headers: {} }),
  };
}

const OURS: Contender = {
  name: "ours",
  kind: "ours",
  command: async (port, { model, content }) => ({
    program: process.execPath,
    args: [join(ROOT, "service/src/server.ts"), "--host", "127.0.0.1", "--port", String(port)],
    env: {
      MODELS: `bench=${pathToFileURL(model)}@sha256:${createHash("sha256").update(content).digest("hex")}`,
      ...Object.fromEntries((DETECTOR_CONFIG.Env ?? []).map((entry) => entry.split("=", 2))),
    },
  }),
  ready: PATHS.ready,
  call: jpeg(PATHS.predict),
  found: (answer) => parse(answer).images[0].results,
};

/** A Python program of this folder; tuned, with a worker of one thread for each processor. */
function python(framework: "FastAPI" | "LitServe", kind: "defaults" | "tuned", script: string): Contender {
  return {
    name: `${framework}, ${kind}`,
    kind,
    command: async (port, { model }, signal) => ({
      program: await peer(framework.toLowerCase(), signal),
      args: [join(HERE, script)],
      env: {
        BENCH_PORT: String(port),
        BENCH_MODEL: model,
        ...(kind === "tuned" ? { BENCH_WORKERS: String(PROCESSORS), BENCH_THREADS: "1" } : {}),
      },
    }),
    ready: "/health",
    call: framework === "LitServe" ? form : jpeg("/predict"),
    found: foundByPeer,
  };
}

const BENTOML: Contender = {
  name: "BentoML, defaults",
  kind: "defaults",
  command: async (port, { model, folder }, signal) => ({
    program: await peer("bentoml", signal),
    args: ["-m", "bentoml", "serve", "bentoml_app:Bench", "--host", "127.0.0.1", "--port", String(port)],
    env: { BENCH_MODEL: model, BENTOML_HOME: folder, BENTOML_DO_NOT_TRACK: "True", PYTHONPATH: HERE },
  }),
  ready: "/readyz",
  call: form,
  found: foundByPeer,
};

const MLSERVER: Contender = {
  name: "MLServer, defaults",
  kind: "defaults",
  command: async (port, { model, folder }, signal) => {
    const settings = join(folder, "mlserver");
    await mkdir(settings, { recursive: true });
    const server = { host: "127.0.0.1", http_port: port, grpc_port: port + 1, metrics_port: port + 2 };
    await writeFile(join(settings, "settings.json"), JSON.stringify(server));
    const bench = { name: "bench", implementation: "mlserver_app.Bench" };
    await writeFile(join(settings, "model-settings.json"), JSON.stringify(bench));
    return {
      program: await peer("mlserver", signal),
      args: ["-m", "mlserver.cli.main", "start", settings],
      env: { BENCH_MODEL: model, PYTHONPATH: HERE },
    };
  },
  ready: "/v2/models/bench/ready",
  call: (url, photo) => {
    const data = [Buffer.from(photo).toString("base64")];
    const photos = { name: "photo", shape: [1], datatype: "BYTES", parameters: { content_type: "base64" }, data };
    const body = Buffer.from(JSON.stringify({ inputs: [photos] }));
    const headers = { "content-type": "application/json", "content-length": String(body.length) };
    return { url: `${url}/v2/models/bench/infer`, method: "POST", headers, body };
  },
  found: (answer) => foundByPeer(Buffer.from(parse(answer).outputs[0].data[0])),
};

/** All that are measured. */
export const CONTENDERS: readonly Contender[] = [
  limit("limit alone", 1, PROCESSORS),
  limit("limit together", PROCESSORS, 1),
  OURS,
  python("FastAPI", "defaults", "fastapi_app.py"),
  python("LitServe", "defaults", "litserve_app.py"),
  BENTOML,
  MLSERVER,
  python("FastAPI", "tuned", "fastapi_tuned.py"),
  python("LitServe", "tuned", "litserve_app.py"),
];

import { parentPort, workerData } from "node:worker_threads";
import { env, InferenceSession, Tensor } from "onnxruntime-node";
import { RequestError, StartError } from "../errors.ts";
import type { Model } from "../model/layout.ts";
import { readModel, readModelFile } from "../model/model.ts";
import { DETECTION_SIZE, scaleBoxes } from "../vision/boxes.ts";
import { decodeImage } from "../vision/decode.ts";
import { fitImage, letterbox, type RgbImage, toPlanes } from "../vision/letterbox.ts";
import { type Selection, selectEndToEnd, selectRaw } from "../vision/nms.ts";
import type { Findings, Task, WorkerMessage, WorkerOptions } from "./messages.ts";

/** A thread that owns one ONNX Runtime session: decodes, runs and reads one image at a time. */

const options = workerData as WorkerOptions;
if (parentPort === null) throw new Error("worker.ts runs as a worker thread only");
const port = parentPort;

/** A model in a session, with the input buffer that all its runs share. */
interface Detector {
  model: Model;
  session: InferenceSession;
  input: Float32Array;
}

async function load(): Promise<Detector> {
  // Read and verified here again: the file may have changed since the main thread did, and a replacement starts later.
  const content = await readModelFile(options.modelPath, options.modelSha256);
  const model = readModel(content);
  const session = await InferenceSession.create(content, {
    executionProviders: ["cpu"],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
  }).catch((error: unknown) => {
    throw new StartError(`Expected a model that ONNX Runtime can load, but: ${messageOf(error)}`, { cause: error });
  });
  const detector = { model, session, input: new Float32Array(3 * model.height * model.width) };
  // The first run allocates; without it the first caller would wait for that.
  await run(detector, greyImage(model), { conf: 0.25, iou: 0.7, maxDet: 1 }).catch((error: unknown) => {
    throw new StartError(`Expected a model that runs, but its first run failed: ${messageOf(error)}`, { cause: error });
  });
  return detector;
}

function greyImage({ width, height }: Model): RgbImage {
  return { width, height, data: new Uint8Array(width * height * 3).fill(114) };
}

async function run({ model, session, input }: Detector, image: RgbImage, selection: Selection): Promise<Findings> {
  const start = performance.now();
  const fit = fitImage(image.width, image.height, model, model.stride);
  const planes = input.subarray(0, 3 * fit.inputWidth * fit.inputHeight);
  toPlanes(letterbox(image, fit), planes);
  const ready = performance.now();
  const feeds = { [model.input]: new Tensor("float32", planes, [1, 3, fit.inputHeight, fit.inputWidth]) };
  const output = (await session.run(feeds, [model.output]))[model.output];
  const done = performance.now();
  const detections = select(model, output, selection);
  scaleBoxes(detections, fit);
  const speed = { preprocess: ready - start, inference: done - ready, postprocess: performance.now() - done };
  return { detections, width: image.width, height: image.height, speed };
}

function select({ layout, names }: Model, output: Tensor | undefined, selection: Selection): Float32Array {
  if (!(output?.data instanceof Float32Array)) throw new Error(`expected float32 output but received ${output?.type}`);
  const { data, dims } = output;
  const [batch, rows, columns] = dims;
  const expected = layout === "raw" ? rows === 4 + names.length : columns === DETECTION_SIZE;
  if (batch !== 1 || dims.length !== 3 || !expected)
    throw new Error(`expected a ${layout} output but received [${dims}]`);
  return layout === "raw" ? selectRaw(data, names.length, selection) : selectEndToEnd(data, selection);
}

async function answer(detector: Detector, { image, selection }: Task): Promise<WorkerMessage> {
  try {
    const start = performance.now();
    const pixels = image === undefined ? greyImage(detector.model) : await decodeImage(image, options.pixelLimit);
    const decode = performance.now() - start;
    const findings = await run(detector, pixels, selection);
    findings.speed.preprocess += decode;
    return { type: "found", findings };
  } catch (error) {
    if (error instanceof RequestError) return { type: "failed", code: error.code, message: error.message };
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { type: "failed", code: "YOLO_INTERNAL", message: "", detail };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const send = (message: WorkerMessage) => port.postMessage(message);

try {
  const detector = await load();
  port.on("message", async (task: Task) => send(await answer(detector, task)));
  send({ type: "ready", runtimeVersion: env.versions.node ?? env.versions.common });
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  send({ type: "refused", message: error.message });
}

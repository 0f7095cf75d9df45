import { InferenceSession, listSupportedBackends, Tensor } from "onnxruntime-node";
import { DECODING } from "../../contract.ts";
import { RequestError, StartError } from "../errors.ts";
import { prepareGraph } from "../model/edit.ts";
import type { Model } from "../model/layout.ts";
import { type ModelFile, readModel, readModelFile } from "../model/model.ts";
import type { RgbImage } from "../vision/letterbox.ts";
import { fillInput, type Prepared, prepareImage } from "./input.ts";
import type { DetectOptions, Findings, ImageTask, RawTensor, WorkerOptions } from "./messages.ts";
import { callNative } from "./native-calls.ts";
import { readOutputs } from "./output.ts";
import { checkInputs, checkProvider, explainFailure, PROVIDERS } from "./provider.ts";
import { type TypedTensor, toRaw, toTyped } from "./tensors.ts";

/** The grey of the padding, which no model takes for anything. */
const GREY = 114;

/** Execution providers that this build of ONNX Runtime has. */
const BACKENDS = listSupportedBackends().map(({ name }) => name);

const PROBE: DetectOptions = { conf: 0.25, iou: 0.7, maxDet: 1, resize: "exact" };

/**
 * Runs one model in the thread that creates it: on a share of the processors, or wide, on all that it may use. One call at a time, because
 * the calls share the memory of the model's input.
 */
export class Runner {
  /** What the model file says about itself. */
  readonly model: Model;
  /** The model as it runs on images. */
  #prepared: Model;
  #narrow: InferenceSession;
  #wide: InferenceSession | undefined;
  /** The file as it is, for tensors; only where its inputs are other ones than those of the sessions above. */
  #plain: InferenceSession | undefined;
  #pixelLimit: number;

  private constructor(
    models: { file: Model; prepared: Model },
    sessions: { narrow: InferenceSession; wide: InferenceSession | undefined; plain: InferenceSession | undefined },
    pixelLimit: number,
  ) {
    this.model = models.file;
    this.#prepared = models.prepared;
    this.#narrow = sessions.narrow;
    this.#wide = sessions.wide;
    this.#plain = sessions.plain;
    this.#pixelLimit = pixelLimit;
  }

  /**
   * Reads and verifies a model file, opens its sessions on the execution provider that is asked for and on no other, and
   * runs each once, because the first run allocates, and on a GPU may compile for minutes.
   * @param prepare changes the graph for images
   * @throws StartError when the file, the model or the provider is not as expected
   */
  static async create(file: ModelFile, options: WorkerOptions, prepare = prepareGraph): Promise<Runner> {
    const { provider, threads, wideThreads, pixelLimit } = options;
    // Read and verified here again: the file may have changed since the main thread did, and a replacement starts later.
    const content = await readModelFile(file);
    const model = readModel(content);
    const prepared = prepare(content, model, provider);
    checkInputs(provider, model.inputs);
    checkProvider(provider, BACKENDS);
    const open = (onnx: Uint8Array, intraOpNumThreads: number) =>
      callNative(() =>
        InferenceSession.create(onnx, {
          executionProviders: [...PROVIDERS[provider]],
          intraOpNumThreads,
          interOpNumThreads: 1,
          // Planning the memory of a whole run in one piece makes the smallest YOLO 35 MB larger, and no faster.
          enableMemPattern: false,
          // What goes wrong is thrown; without this a caller's odd tensors would write to the log, past its format.
          logSeverityLevel: 4,
        }),
      ).catch((error: unknown) => {
        throw explainFailure(provider, error);
      });
    const narrow = await open(prepared.content, threads);
    const wide = wideThreads === undefined ? undefined : await open(prepared.content, wideThreads);
    const plain = prepared.model.input === model.input ? undefined : await open(content, threads);
    const runner = new Runner({ file: model, prepared: prepared.model }, { narrow, wide, plain }, pixelLimit);
    await runner.#warmUp(file.name);
    return runner;
  }

  async #warmUp(name: string): Promise<void> {
    try {
      await this.probe();
      if (this.#wide !== undefined) await this.detect(greyImage(this.model), PROBE, true);
      const plain = this.#plain;
      if (plain !== undefined) {
        const image = await prepareImage(this.model, greyImage(this.model), PROBE, this.#pixelLimit);
        const feeds = { [this.model.input]: tensorOf(fillInput(this.model, [image])) };
        await callNative(() => plain.run(feeds));
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StartError(`Expected the model ${name} to run, but its first run failed: ${reason}`, { cause: error });
    }
  }

  /**
   * Looks at an image, encoded or as pixels.
   * @throws RequestError YOLO_IMAGE_UNREADABLE or YOLO_IMAGE_TOO_LARGE, or YOLO_PARAMETER_INVALID for too much to be read
   */
  async detect(image: Uint8Array | RgbImage, options: DetectOptions, wide: boolean): Promise<Findings> {
    const [found] = await this.#run([await prepareImage(this.model, image, options, this.#pixelLimit)], wide);
    if (found instanceof RequestError) throw found;
    return found as Findings;
  }

  /**
   * Looks at several images, as many in one run as the model takes and have the same size in its input.
   * @returns for each image what was found, or why it was refused
   */
  async detectBatch(items: readonly ImageTask[], wide: boolean): Promise<(Findings | RequestError)[]> {
    const results: (Findings | RequestError)[] = [];
    const left = items.entries();
    for (let ready = await this.#decode(left, results); ready.length > 0; ready = await this.#decode(left, results)) {
      for (const part of sameSize(ready, this.model.batch)) {
        const found = await this.#run(
          part.map(({ prepared }) => prepared),
          wide,
        );
        for (const [i, one] of part.entries()) results[one.index] = found[i] as Findings | RequestError;
      }
    }
    return results;
  }

  /** Decodes the next images, several at once, until there are enough of them; why one cannot be read goes into `results`. */
  async #decode(left: IterableIterator<[number, ImageTask]>, results: (Findings | RequestError)[]): Promise<Decoded[]> {
    const ready: Decoded[] = [];
    let bytes = 0;
    const decoders = Array.from({ length: DECODING.imagesAtOnce }, async () => {
      for (const [index, { image, options }] of left) {
        try {
          const prepared = await prepareImage(this.model, image, options, this.#pixelLimit);
          ready.push({ index, prepared });
          bytes += prepared.image.data.byteLength;
        } catch (error) {
          if (!(error instanceof RequestError)) throw error;
          results[index] = error;
        }
        if (bytes >= DECODING.decodedBytes) break;
      }
    });
    await Promise.all(decoders);
    return ready.sort((one, other) => one.index - other.index);
  }

  /**
   * Runs the model on tensors, and returns the outputs that are asked for, or all.
   * @throws RequestError YOLO_TENSOR_INVALID when the model does not take the tensors or has no such output
   */
  async infer(inputs: readonly RawTensor[], outputs: readonly string[], wide: boolean): Promise<RawTensor[]> {
    const known = this.model.outputs.map(({ name }) => name);
    const unknown = outputs.find((name) => !known.includes(name));
    if (unknown !== undefined) {
      const message = `Expected outputs ${known.join(", ")} but received ${JSON.stringify(unknown.slice(0, 60))}.`;
      throw new RequestError("YOLO_TENSOR_INVALID", message);
    }
    const wanted = outputs.length === 0 ? known : outputs;
    const typed = Object.entries(toTyped(inputs, this.model.inputs));
    const feeds = Object.fromEntries(typed.map(([name, tensor]) => [name, tensorOf(tensor)]));
    const session = this.#plain ?? this.#session(wide);
    // Dimensions that vary may still not fit each other, which only the graph knows.
    const results = await callNative(() => session.run(feeds, [...new Set(wanted)])).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
      const message = `Expected tensors that the model runs on, but: ${reason}`;
      throw new RequestError("YOLO_TENSOR_INVALID", message, { cause: error });
    });
    return wanted.map((name) => toRaw(name, results[name] as Tensor));
  }

  #session(wide: boolean): InferenceSession {
    return wide && this.#wide !== undefined ? this.#wide : this.#narrow;
  }

  /** Runs the model on a grey image. */
  async probe(): Promise<void> {
    await this.detect(greyImage(this.model), PROBE, false);
  }

  /** One run of the model on images of the same size; what is asked of one may be refused once its objects are known. */
  async #run(images: readonly Prepared[], wide: boolean): Promise<(Findings | RequestError)[]> {
    const model = this.#prepared;
    const start = performance.now();
    const input = tensorOf(fillInput(model, images));
    const session = this.#session(wide);
    const names = [model.output, model.prototypes, model.best].filter((name) => name !== undefined);
    const ready = performance.now();
    const outputs = await callNative(() => session.run({ [model.input]: input }, names));
    const inference = (performance.now() - ready) / images.length;
    return images.map((image, index) => {
      const begun = performance.now();
      const found = readOrRefuse(model, outputs, index, image);
      if (found instanceof RequestError) return found;
      const preprocess = image.preprocess + (ready - start) / images.length;
      const speed = { preprocess, inference, postprocess: performance.now() - begun };
      return { task: model.task, ...found, width: image.fit.width, height: image.fit.height, speed };
    });
  }
}

function readOrRefuse(...read: Parameters<typeof readOutputs>): ReturnType<typeof readOutputs> | RequestError {
  try {
    return readOutputs(...read);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
}

interface Decoded {
  index: number;
  prepared: Prepared;
}

/** Images that can share a run: of one size in the input, and no more than a fixed batch has. */
function sameSize(images: readonly Decoded[], most = Number.POSITIVE_INFINITY): Decoded[][] {
  const parts: Decoded[][] = [];
  for (const one of images) {
    const { inputWidth, inputHeight } = one.prepared.fit;
    const part = parts.findLast(([first]) => {
      return first?.prepared.fit.inputWidth === inputWidth && first.prepared.fit.inputHeight === inputHeight;
    });
    if (part === undefined || part.length >= most) parts.push([one]);
    else part.push(one);
  }
  return parts;
}

/**
 * A tensor that the binding reads. It takes halves as whole numbers of 16 bits only, which the class of its tensors turns into
 * a `Float16Array` (https://github.com/microsoft/onnxruntime/pull/32323); an object with the same properties stays as it is.
 */
function tensorOf({ type, data, dims }: TypedTensor): Tensor {
  if (!(data instanceof Float16Array)) return new Tensor(type, data, dims);
  const bits = new Uint16Array(data.buffer, data.byteOffset, data.length);
  return { type, data: bits, dims, location: "cpu" } as unknown as Tensor;
}

function greyImage({ width, height }: Model): RgbImage {
  return { width, height, data: new Uint8Array(width * height * 3).fill(GREY) };
}

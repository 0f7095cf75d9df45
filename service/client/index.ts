import { type InfoResponse, PATHS, type PredictResponse, type StreamMessage } from "../contract.ts";
import { CLIENT_CODES, YoloError } from "./errors.ts";
import { type PredictCall, toQuery } from "./options.ts";
import { type StreamOptions, streamFrames } from "./stream.ts";
import { type CallOptions, type ClientOptions, invalidAnswer, readJson, Transport } from "./transport.ts";

export type * from "../contract.ts";
export { CLIENT_CODES, YoloError } from "./errors.ts";
export type { PredictCall, PredictOptions } from "./options.ts";
export type { StreamOptions } from "./stream.ts";
export type { CallOptions, ClientOptions } from "./transport.ts";

/** An encoded image: JPEG, PNG, WebP, AVIF, TIFF or GIF. A `File` of a browser is a `Blob`. */
export type ImageInput = Uint8Array | ArrayBuffer | Blob;

/** Milliseconds after which a service that does not say that it is ready is not. */
const READY_TIMEOUT_MS = 5_000;

/**
 * A detection service, for Node and browsers alike. What failed for the moment only (429, 502, 503, a connection that was
 * refused or broke) is sent again, as `Retry-After` asks and within `timeoutMs`; everything else is a `YoloError`.
 */
export class YoloClient {
  readonly #transport: Transport;

  /** @throws TypeError when `url` is no http: or https: address, RangeError when a number is not possible */
  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
  }

  /**
   * Finds objects in one image or several; the answer has a result for each, in the same order.
   * @throws YoloError, or the reason of `signal`
   */
  async predict(images: ImageInput | readonly ImageInput[], options: PredictCall = {}): Promise<PredictResponse> {
    const given = isList(images) ? images : [images];
    return this.#post(given, options, "application/json", (answer) => {
      return readJson<PredictResponse>(answer, (body) => {
        return Array.isArray(body.images) && body.images.length === given.length && typeof body.metadata === "object";
      });
    });
  }

  /**
   * Draws what is found in an image onto it.
   * @returns a JPEG
   * @throws YoloError, or the reason of `signal`
   */
  async annotate(image: ImageInput, options: PredictCall = {}): Promise<Uint8Array> {
    return this.#post([image], options, "image/jpeg", async (answer) => {
      if (answer.headers.get("content-type")?.startsWith("image/jpeg") !== true) throw invalidAnswer(answer);
      return new Uint8Array(await answer.arrayBuffer());
    });
  }

  /**
   * The models, the execution provider and the versions that are running.
   * @throws YoloError, or the reason of `signal`
   */
  async info(options: CallOptions = {}): Promise<InfoResponse> {
    const { signal, timeoutMs } = options;
    return this.#transport.send({ method: "GET", path: PATHS.info, signal, timeoutMs }, (answer) => {
      return readJson<InfoResponse>(answer, ({ models }) => Array.isArray(models));
    });
  }

  /**
   * Whether the service takes requests now; false while it starts, stops or cannot be reached. Asks once.
   * @throws YoloError when something else answers, or the reason of `signal`
   */
  async ready({ signal, timeoutMs = READY_TIMEOUT_MS }: CallOptions = {}): Promise<boolean> {
    try {
      return await this.#transport.send(
        { method: "GET", path: PATHS.ready, retries: 0, signal, timeoutMs },
        async (answer) => {
          await answer.body?.cancel();
          return true;
        },
      );
    } catch (error) {
      if (!(error instanceof YoloError)) throw error;
      const { unreachable, late } = CLIENT_CODES;
      if (error.status === 503 || [unreachable, late].some((code) => code === error.code)) return false;
      throw error;
    }
  }

  /**
   * Sends frames of a video as they come, and yields what was found in each, with `track_id` for the same object in all
   * frames. Frames that come faster than they are answered are skipped, unless `everyFrame` is set. A frame that cannot be
   * read is answered by a message of type `error`; the stream goes on. Ends after the answer to the last frame.
   * @throws YoloError when the connection fails or ends before, or the reason of `signal`
   */
  stream(frames: AsyncIterable<Uint8Array>, options: StreamOptions = {}): AsyncIterable<StreamMessage> {
    return streamFrames(this.#transport, frames, options);
  }

  #post<Result>(
    images: readonly ImageInput[],
    options: PredictCall,
    accept: string,
    read: (answer: Response) => Promise<Result>,
  ): Promise<Result> {
    const [first, second] = images.map(toBlob);
    if (first === undefined) throw new TypeError("Expected at least one image but received none.");
    const { signal, timeoutMs } = options;
    const headers: Record<string, string> = { accept };
    // One image goes as it is; a form has a boundary of its own in its content type.
    if (second === undefined) headers["content-type"] = first.type || "application/octet-stream";
    const body = second === undefined ? first : toForm(images.map(toBlob));
    const query = toQuery(options);
    return this.#transport.send({ method: "POST", path: PATHS.predict, query, headers, body, signal, timeoutMs }, read);
  }
}

function isList(images: ImageInput | readonly ImageInput[]): images is readonly ImageInput[] {
  return Array.isArray(images);
}

/** Types of blobs that the service takes as they are; whatever else a browser guessed from a file's name is left out. */
const IMAGE_TYPE = /^image\/(jpeg|png|webp|avif|tiff|gif)$/;

function toBlob(image: ImageInput): Blob {
  if (!(image instanceof Blob)) return new Blob([image as Uint8Array<ArrayBuffer>]);
  return image.type === "" || IMAGE_TYPE.test(image.type) ? image : image.slice(0, image.size, "");
}

function toForm(images: readonly Blob[]): FormData {
  const form = new FormData();
  images.forEach((image, index) => {
    form.append("file", image, `image-${index}`);
  });
  return form;
}

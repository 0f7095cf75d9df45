import { PATHS, type StreamMessage } from "../contract.ts";
import { CLIENT_CODES, YoloError } from "./errors.ts";
import { type PredictOptions, toQuery } from "./options.ts";
import { sleep } from "./retry.ts";
import type { Transport } from "./transport.ts";

/** How a video is analysed. */
export interface StreamOptions extends PredictOptions {
  /** Waits for answers instead of letting the service skip frames; for recordings. Defaults to false. */
  everyFrame?: boolean | undefined;
  /** Whether objects get the same `track_id` in all frames. Defaults to true. */
  track?: boolean | undefined;
  /** Ends the stream, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Bytes that may wait in the socket before the next frame is sent. */
const BACKLOG_BYTES = 1_048_576;

/** Between two looks at the backlog, which tells nobody when it shrinks; in milliseconds. */
const LOOK_MS = 5;

/** With one frame at work and one waiting at the service, the newest one never replaces another. */
const UNANSWERED = 2;

/** The WebSocket protocol of the service; the key goes beside it, because a page cannot set a WebSocket's headers. */
const PROTOCOL = "yolo";

/** One stream; `YoloClient.stream` describes it. */
export async function* streamFrames(
  transport: Transport,
  frames: AsyncIterable<Uint8Array>,
  options: StreamOptions,
): AsyncGenerator<StreamMessage, void, undefined> {
  options.signal?.throwIfAborted();
  const stream = new Stream(transport, options);
  void stream.sendAll(frames);
  try {
    yield* stream.messages();
  } finally {
    stream.end();
  }
}

class Stream {
  readonly #socket: WebSocket;
  readonly #query: URLSearchParams;
  readonly #everyFrame: boolean;
  readonly #transport: Transport;
  readonly #stop = new AbortController();
  readonly #messages: StreamMessage[] = [];
  #opened = false;
  #failure: { reason: unknown } | undefined;
  #sent = 0;
  #answered = 0;
  #allSent = false;
  /** Wakes who waits for a change. */
  #change = Promise.withResolvers<void>();

  constructor(transport: Transport, { everyFrame = false, track, signal, ...options }: StreamOptions) {
    this.#query = toQuery(options);
    if (track !== undefined) this.#query.set("track", String(track));
    const address = transport.address(PATHS.stream, this.#query);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    this.#transport = transport;
    this.#everyFrame = everyFrame;
    const key = transport.apiKey === undefined ? [] : [`key.${transport.apiKey}`];
    this.#socket = new WebSocket(address, [PROTOCOL, ...key]);
    this.#socket.addEventListener("open", () => {
      this.#opened = true;
      this.#changed();
    });
    this.#socket.addEventListener("message", ({ data }) => this.#receive(data));
    // A failure is followed by a close; a browser says nothing more about it.
    this.#socket.addEventListener("close", ({ code, reason }) => void this.#closed(code, reason));
    const abort = () => this.#fail(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    this.#stop.signal.addEventListener("abort", () => signal?.removeEventListener("abort", abort));
  }

  /** Sends what comes, until it ends or the stream does. */
  async sendAll(frames: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      // Nobody waits for this loop to end: a camera may not give another frame for long after the stream is over.
      for await (const frame of frames) {
        await this.#room();
        if (this.#stop.signal.aborted) return;
        this.#socket.send(frame as Uint8Array<ArrayBuffer>);
        this.#sent++;
      }
      this.#allSent = true;
      this.#changed();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What the service answered, until the last frame is answered; throws what ended the stream before. */
  async *messages(): AsyncGenerator<StreamMessage, void, undefined> {
    for (;;) {
      yield* this.#messages.splice(0);
      if (this.#messages.length > 0) continue;
      if (this.#failure !== undefined) throw this.#failure.reason;
      // The newest frame is never skipped, so that its answer is the last one.
      if (this.#allSent && this.#answered === this.#sent) return;
      await this.#change.promise;
    }
  }

  /** Closes the connection; more than once is no error. */
  end(): void {
    this.#stop.abort();
    this.#changed();
    this.#socket.close(1000);
  }

  /** Waits until the next frame can be sent, or the stream is over. */
  async #room(): Promise<void> {
    const stop = this.#stop.signal;
    while (!stop.aborted && (!this.#opened || (this.#everyFrame && this.#sent - this.#answered >= UNANSWERED))) {
      await this.#change.promise;
    }
    while (!stop.aborted && this.#socket.bufferedAmount > BACKLOG_BYTES) await sleep(LOOK_MS, stop).catch(() => {});
  }

  #receive(data: unknown): void {
    try {
      const message = JSON.parse(String(data)) as StreamMessage;
      if (!Number.isInteger(message?.frame)) throw new TypeError("a message without a frame's number");
      this.#answered = message.frame;
      this.#messages.push(message);
      this.#changed();
    } catch (error) {
      this.#fail(
        new YoloError(CLIENT_CODES.invalid, "Expected an answer to a frame but received something else.", {
          cause: error,
        }),
      );
    }
  }

  async #closed(code: number, reason: string): Promise<void> {
    if (this.#stop.signal.aborted) return;
    if (!this.#opened) return this.#fail(await this.#refusal());
    const why = reason === "" ? `code ${code}` : `${reason} (code ${code})`;
    this.#fail(new YoloError(CLIENT_CODES.closed, `Expected answers to all frames but the stream was closed: ${why}.`));
  }

  /** Why there is no stream. A WebSocket does not tell, but the same request without one is refused for the same reason. */
  async #refusal(): Promise<unknown> {
    const asked = {
      method: "GET",
      path: PATHS.stream,
      query: this.#query,
      retries: 0,
      signal: this.#stop.signal,
    } as const;
    const error: unknown = await this.#transport.send(asked, async () => {}).catch((thrown: unknown) => thrown);
    // What says only that this request is no WebSocket is no reason.
    if (error instanceof YoloError && error.code !== "YOLO_REQUEST_INVALID") return error;
    const where = this.#transport.address(PATHS.stream).href;
    return new YoloError(CLIENT_CODES.unreachable, `Expected a stream at ${where} but a WebSocket was refused there.`);
  }

  #fail(reason: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.#failure ??= { reason };
    this.end();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}

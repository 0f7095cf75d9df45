import type { RawData, WebSocket } from "ws";
import type { ImageResult, StreamMessage } from "../../contract.ts";
import { type ErrorCode, RequestError } from "../errors.ts";
import { toJson } from "../results.ts";

/** Times and sizes that bound one stream. */
export interface StreamLimits {
  /** Milliseconds between two pings; a client that answered none of them until the next one is gone. */
  pingMs: number;
  /** Milliseconds without a frame after which a stream is closed. */
  idleMs: number;
  /** Milliseconds that an answer may wait for its reader. */
  readMs: number;
  /** Milliseconds that a client has for the closing handshake. */
  closeMs: number;
  /** Bytes that may wait to be sent; beyond it pings are not answered. */
  backlogBytes: number;
}

/** Pings often enough for proxies that close what is quiet for 60 s (nginx, AWS). */
export const STREAM_LIMITS: Readonly<StreamLimits> = {
  pingMs: 20_000,
  idleMs: 60_000,
  readMs: 10_000,
  closeMs: 1_000,
  backlogBytes: 65_536,
};

/** Why the service closes a stream, by https://www.iana.org/assignments/websocket/websocket.xhtml. */
const CLOSE = { idle: 1000, slow: 1008, refused: 1008, restart: 1012 } as const;

/** What a session needs from its surroundings. */
export interface SessionOptions {
  /** In the error messages, and in the log. */
  id: string;
  /** Answers one frame; throws what is wrong with it. */
  analyse(image: Uint8Array, frame: number, signal: AbortSignal): Promise<ImageResult>;
  /** Receives what went wrong without fault of the client. */
  onFailure(error: unknown): void;
  limits?: Readonly<StreamLimits>;
}

interface Frame {
  number: number;
  /** Missing where the message was no frame. */
  image?: Uint8Array;
}

/**
 * One stream from its handshake to its end. One frame is worked on, and the newest of those that came meanwhile waits; the
 * next one begins only when the answer to the last has left, so that a slow reader costs it frames and us no memory.
 */
export class StreamSession {
  #socket: WebSocket;
  #options: SessionOptions;
  #limits: Readonly<StreamLimits>;
  #departure = new AbortController();
  #waiting: Frame | undefined;
  #working: Promise<void> | undefined;
  #ending = false;
  #idle: NodeJS.Timeout;
  #pings: NodeJS.Timeout;
  #heard = true;
  /** Shortens the time that the answer on its way may take. */
  #hurry: () => void = () => {};
  /** Messages that came, those that were answered, and those that a newer one replaced. */
  readonly counts: { received: number; answered: number; skipped: number } = { received: 0, answered: 0, skipped: 0 };

  constructor(socket: WebSocket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#limits = options.limits ?? STREAM_LIMITS;
    this.#idle = setTimeout(() => this.#rest(), this.#limits.idleMs);
    this.#pings = setInterval(() => this.#ping(), this.#limits.pingMs);
    socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    socket.on("ping", (data: Buffer) => {
      if (socket.bufferedAmount <= this.#limits.backlogBytes) socket.pong(data);
    });
    socket.on("pong", () => {
      this.#heard = true;
    });
    socket.once("close", () => {
      clearTimeout(this.#idle);
      clearInterval(this.#pings);
      this.#waiting = undefined;
      this.#departure.abort();
    });
  }

  /** Takes no more frames, answers the one that is worked on, and closes with 1012: the client may connect again. */
  async finish(): Promise<void> {
    this.#ending = true;
    this.#waiting = undefined;
    this.#hurry();
    await this.#working;
    await this.#close(CLOSE.restart, "the service is stopping");
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#heard = true;
    if (this.#ending) return;
    this.#idle.refresh();
    this.counts.received++;
    if (this.#waiting !== undefined) this.counts.skipped++;
    const frame: Frame = { number: this.counts.received };
    if (isBinary) frame.image = bytesOf(data);
    this.#waiting = frame;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async #work(): Promise<void> {
    let reported = this.counts.skipped;
    while (this.#waiting !== undefined) {
      const frame: Frame = this.#waiting;
      this.#waiting = undefined;
      const message = await this.#answer(frame);
      // Nobody is left to read it.
      if (message === undefined) return;
      const skipped = this.counts.skipped - reported;
      if (message.type === "result") message.skipped = skipped;
      reported += skipped;
      if (!(await this.#send(await written(message)))) return;
      this.counts.answered++;
      // Its key was taken away.
      if (message.type === "error" && message.error.code === ("YOLO_KEY_INVALID" satisfies ErrorCode)) {
        void this.#close(CLOSE.refused, "the key is not valid any more");
        return;
      }
    }
  }

  async #answer({ number, image }: Frame): Promise<StreamMessage | undefined> {
    const { signal } = this.#departure;
    try {
      if (image === undefined)
        throw new RequestError("YOLO_REQUEST_INVALID", "Expected a binary message but received text.");
      if (image.length === 0) throw new RequestError("YOLO_IMAGE_EMPTY");
      const result = await this.#options.analyse(image, number, signal);
      return signal.aborted ? undefined : { type: "result", frame: number, skipped: 0, image: result };
    } catch (thrown) {
      if (signal.aborted) return undefined;
      const error =
        thrown instanceof RequestError ? thrown : new RequestError("YOLO_INTERNAL", undefined, { cause: thrown });
      if (error.code === ("YOLO_INTERNAL" satisfies ErrorCode)) this.#options.onFailure(error.cause);
      const { code, message } = error;
      return { type: "error", frame: number, error: { code, message, requestId: this.#options.id } };
    }
  }

  /** Sends a message and waits until it has left; false when the stream is over. */
  async #send(text: string): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = () => {
      void this.#close(CLOSE.slow, "answers were not read in time");
      resolve(false);
    };
    let timer = setTimeout(giveUp, this.#ending ? this.#limits.closeMs : this.#limits.readMs);
    this.#hurry = () => {
      clearTimeout(timer);
      timer = setTimeout(giveUp, this.#limits.closeMs);
    };
    this.#socket.send(text, (error) => resolve(error === undefined || error === null));
    return promise.finally(() => {
      this.#hurry = () => {};
      clearTimeout(timer);
    });
  }

  /** A frame that takes long is no reason to leave its client without an answer. */
  #rest(): void {
    if (this.#working === undefined) void this.#close(CLOSE.idle, "no frame came for a while");
    else this.#idle.refresh();
  }

  #ping(): void {
    if (this.#heard) this.#socket.ping();
    else this.#socket.terminate();
    this.#heard = false;
  }

  /** Closes, and ends the connection where the client does not take part in it; resolves when it is closed. */
  #close(code: number, reason: string): Promise<void> {
    this.#ending = true;
    if (this.#socket.readyState === this.#socket.CLOSED) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#socket.terminate(), this.#limits.closeMs);
    this.#socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    this.#socket.close(code, reason);
    return promise;
  }
}

/** A message as JSON, which lets others have their turn where it is long. */
async function written(message: StreamMessage): Promise<string> {
  if (message.type === "error") return JSON.stringify(message);
  const { image, ...rest } = message;
  return `${JSON.stringify(rest).slice(0, -1)},"image":${await toJson(image)}}`;
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";

/** An answer as it came over a connection. */
export interface RawAnswer {
  status: number;
  headers: ReadonlyMap<string, string>;
  body: Buffer;
}

/** A connection over which anything may be sent, and which never closes its own side by itself. */
export class RawConnection {
  readonly socket: Socket;
  /** Resolves when the other side ended the connection, or broke it. */
  readonly ended: Promise<void>;
  readonly #received: Buffer[] = [];

  /** @param reads false for a client that never reads */
  constructor(port: number, reads = true) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.socket.once("end", resolve).once("close", resolve);
    // A reset is an end, too.
    this.socket.on("error", () => {});
    if (reads) this.socket.on("data", (chunk: Buffer) => this.#received.push(chunk));
  }

  /** Sends bytes; text is sent as Latin-1. */
  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return this;
  }

  /** Closes this side; the other may still answer. */
  end(): this {
    this.socket.end();
    return this;
  }

  /** Everything that came until now. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** The answers that came until the other side ended the connection, which it must within `limitMs`. */
  async answers(limitMs: number): Promise<RawAnswer[]> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const what = this.received.toString("latin1").slice(0, 300);
      late.reject(new Error(`Expected the connection to end within ${limitMs} ms but it is open; received: ${what}`));
    }, limitMs);
    try {
      await Promise.race([this.ended, late.promise]);
    } finally {
      clearTimeout(timer);
    }
    return parseAnswers(this.received);
  }
}

/** Cuts what came over a connection into answers; what follows 101 is that answer's body. */
export function parseAnswers(received: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let at = 0; at < received.length; ) {
    const shown = received.toString("latin1", at, at + 300);
    const end = received.indexOf("\r\n\r\n", at);
    const [line = "", ...fields] = received.toString("latin1", at, end).split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]);
    assert.ok(end >= 0 && status >= 100, `expected an answer but received: ${shown}`);
    const headers = new Map(
      fields.map((field) => {
        const colon = field.indexOf(":");
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
      }),
    );
    at = end + 4;
    if (status === 100) continue;
    const length = status === 101 ? received.length - at : Number(headers.get("content-length"));
    assert.ok(length >= 0 && at + length <= received.length, `expected a whole answer but received: ${shown}`);
    answers.push({ status, headers, body: received.subarray(at, at + length) });
    at += length;
  }
  return answers;
}

/** A frame of a WebSocket's client, masked with zeros, so that its payload stands in it as it is. */
export function maskedFrame(firstByte: number, payload: Uint8Array, claimed: number = payload.length): Buffer {
  const head = Buffer.alloc(14);
  head.writeUInt8(firstByte);
  head.writeUInt8(0x80 | 127, 1);
  head.writeBigUInt64BE(BigInt(claimed), 2);
  return Buffer.concat([head, payload]);
}

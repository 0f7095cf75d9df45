import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

/** A span as a receiver gets it. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** Empty for a span without a parent. */
  parentId: string;
  name: string;
  kind: number;
  /** Nanoseconds since 1970. */
  start: bigint;
  end: bigint;
  attributes: Record<string, unknown>;
  /** Attributes of what sent it. */
  resource: Record<string, unknown>;
  /** 0 unset, 1 ok, 2 error. */
  status: number;
}

type Field = [number: number, value: Buffer | bigint];

/** The fields of a protobuf message: https://protobuf.dev/programming-guides/encoding/ */
function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  let offset = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(offset++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number) => {
    if (offset + length > message.length) throw new Error("a field is longer than its message");
    offset += length;
    return message.subarray(offset - length, offset);
  };
  while (offset < message.length) {
    const tag = Number(varint());
    const type = tag & 7;
    if (type === 0) found.push([tag >> 3, varint()]);
    else if (type === 1) found.push([tag >> 3, bytes(8)]);
    else if (type === 2) found.push([tag >> 3, bytes(Number(varint()))]);
    else if (type === 5) found.push([tag >> 3, bytes(4)]);
    else throw new Error(`wire type ${type}`);
  }
  return found;
}

function all(message: Buffer, number: number): Buffer[] {
  return fields(message).flatMap(([found, value]) => (found === number && Buffer.isBuffer(value) ? [value] : []));
}

function first(message: Buffer, number: number): Buffer {
  return all(message, number)[0] ?? Buffer.alloc(0);
}

function attributesOf(messages: Buffer[]): Record<string, unknown> {
  return Object.fromEntries(
    messages.map((pair) => {
      const [[type, value] = [0, 0n]] = fields(first(pair, 2));
      if (Buffer.isBuffer(value))
        return [first(pair, 1).toString(), type === 4 ? value.readDoubleLE() : value.toString()];
      return [first(pair, 1).toString(), Number(value)];
    }),
  );
}

function spanOf(message: Buffer, resource: Record<string, unknown>): ReceivedSpan {
  const number = (of: Buffer, field: number) => Number(fields(of).find(([found]) => found === field)?.[1] ?? 0n);
  return {
    traceId: first(message, 1).toString("hex"),
    spanId: first(message, 2).toString("hex"),
    parentId: first(message, 4).toString("hex"),
    name: first(message, 5).toString(),
    kind: number(message, 6),
    start: first(message, 7).readBigUInt64LE(),
    end: first(message, 8).readBigUInt64LE(),
    attributes: attributesOf(all(message, 9)),
    resource,
    status: number(first(message, 15), 3),
  };
}

/**
 * The spans of an ExportTraceServiceRequest, by the numbers of
 * https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/trace/v1/trace.proto
 */
function spansOf(body: Buffer): ReceivedSpan[] {
  return all(body, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(all(first(resourceSpans, 1), 1));
    return all(resourceSpans, 2).flatMap((scope) => all(scope, 2).map((span) => spanOf(span, resource)));
  });
}

/** Starts a receiver of traces by OTLP over HTTP, in protobuf; anything else makes it remember an error. */
export async function startReceiver() {
  const spans: ReceivedSpan[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const errors: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    headers.push(request.headers);
    const type = request.headers["content-type"];
    if (request.url !== "/v1/traces" || type !== "application/x-protobuf") errors.push(`${request.url} ${type}`);
    else spans.push(...spansOf(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body));
    response.setHeader("content-type", "application/x-protobuf").end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, spans, headers, errors, close: () => server.close() };
}

import type grpc from "@grpc/grpc-js";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import type { Properties } from "./values.ts";

/** Properties that came over the wire. */
export function fromStruct(message: Struct | undefined): Properties {
  return message?.toJavaScript() ?? {};
}

/** Properties to go over the wire, which knows no undefined. */
export function toStruct(properties: Properties): Struct {
  return struct.Struct.fromJavaScript(JSON.parse(JSON.stringify(properties)));
}

/** Answers a call with what a function returns, or with its error's message. */
export function unary<Asked, Answered>(
  answer: (request: Asked) => Promise<Answered> | Answered,
): grpc.handleUnaryCall<Asked, Answered> {
  return (call, callback) => {
    Promise.resolve(call.request)
      .then(answer)
      .then(
        (response) => callback(null, response),
        (error: unknown) =>
          callback({ code: UNKNOWN_STATUS, details: error instanceof Error ? error.message : String(error) }),
      );
  };
}

/** https://grpc.io/docs/guides/status-codes/ */
const UNKNOWN_STATUS = 2;

import assert from "node:assert/strict";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { type ErrorResponse, PATHS } from "../../service/contract.ts";
import { ERRORS, type ErrorCode } from "../../service/src/errors.ts";

/** Fails unless an answer is the error with this code, its status and these parts in its message. */
export function assertError(
  answer: { statusCode: number; json(): unknown; headers: Record<string, unknown> },
  code: ErrorCode,
  ...parts: string[]
): void {
  const { error } = answer.json() as ErrorResponse;
  assert.equal(error.code, code, error.message);
  assert.equal(answer.statusCode, ERRORS[code].status);
  assert.equal(answer.headers["x-request-id"], error.requestId);
  for (const part of parts) assert.ok(error.message.includes(part), `"${part}" in: ${error.message}`);
}

/** A field of a form, or for a buffer a file. */
export type FormPart = readonly [name: string, value: string | Buffer];

/** A form as its bytes and their content type. */
export async function encodeForm(parts: readonly FormPart[]): Promise<{ payload: Buffer; type: string }> {
  const form = new FormData();
  for (const [index, [name, value]] of parts.entries()) {
    if (typeof value === "string") form.append(name, value);
    else form.append(name, new Blob([new Uint8Array(value)], { type: "image/png" }), `photo-${index}.png`);
  }
  const encoded = new Response(form);
  return {
    payload: Buffer.from(await encoded.arrayBuffer()),
    type: encoded.headers.get("content-type") ?? "",
  };
}

/** Posts a form to `/predict`. */
export async function postForm(
  app: FastifyInstance,
  parts: readonly FormPart[],
  { query = "", headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<LightMyRequestResponse> {
  const { payload, type } = await encodeForm(parts);
  return app.inject({
    method: "POST",
    url: PATHS.predict + query,
    headers: { "content-type": type, ...headers },
    payload,
  });
}

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { StartError } from "../errors.ts";
import { describeModel, type Model } from "./layout.ts";
import { readOnnx } from "./metadata.ts";

/**
 * Reads from an ONNX file's content how to run it.
 * @throws StartError when it is no ONNX model, or one that is not supported
 */
export function readModel(content: Uint8Array): Model {
  return describeModel(readOnnx(content));
}

/**
 * Reads a model file and verifies its digest.
 * @throws StartError when the file is missing, cannot be read or has another digest
 */
export async function readModelFile(path: string, sha256: string): Promise<Buffer> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const found = code === "ENOENT" ? "there is no such file" : `it cannot be read (${String(code ?? error)})`;
    throw new StartError(`Expected the model at ${path} (MODEL_PATH), but ${found}.`, { cause: error });
  }
  const digest = createHash("sha256").update(content).digest("hex");
  if (digest !== sha256) {
    throw new StartError(
      `Expected the model at ${path} to have SHA-256 ${sha256} (MODEL_SHA256) but it has ${digest}. ` +
        "Either the file is damaged or another one, or the setting is wrong.",
    );
  }
  return content;
}

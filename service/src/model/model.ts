import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { StartError } from "../errors.ts";
import { describeModel, type Model } from "./layout.ts";
import { readOnnx } from "./metadata.ts";

/** A model file on this machine, by content. */
export interface ModelFile {
  /** Name under which callers choose it. */
  name: string;
  /** Absolute or relative path of the ONNX file. */
  path: string;
  /** SHA-256 that the file must have, 64 lower-case hexadecimal digits. */
  sha256: string;
}

/** A model file whose content is known. */
export interface LoadedModel extends ModelFile {
  model: Model;
}

/**
 * Reads from an ONNX file's content how to run it.
 * @throws StartError when it is no ONNX model, or one that is not supported
 */
export function readModel(content: Uint8Array): Model {
  return describeModel(readOnnx(content));
}

/**
 * Reads and verifies a model file, and describes what is in it.
 * @throws StartError when the file is missing, damaged, no ONNX model, or one that is not supported
 */
export async function loadModel(file: ModelFile): Promise<LoadedModel> {
  return { ...file, model: readModel(await readModelFile(file)) };
}

/**
 * Reads a model file and verifies its digest.
 * @throws StartError when the file is missing, cannot be read or has another digest
 */
export async function readModelFile({ name, path, sha256 }: ModelFile): Promise<Buffer> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const found = code === "ENOENT" ? "there is no such file" : `it cannot be read (${String(code ?? error)})`;
    throw new StartError(`Expected the model ${name} at ${path} (MODELS), but ${found}.`, { cause: error });
  }
  const digest = createHash("sha256").update(content).digest("hex");
  if (digest !== sha256) {
    throw new StartError(
      `Expected the model ${name} at ${path} to have SHA-256 ${sha256} (MODELS) but it has ${digest}. ` +
        "Either the file is damaged or another one, or the setting is wrong.",
    );
  }
  return content;
}

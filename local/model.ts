import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { StartError } from "../service/src/errors.ts";
import { readModel } from "../service/src/model/model.ts";
import { UserError } from "./errors.ts";
import { ROOT, STATE_DIR } from "./paths.ts";

/** The detector that ships with the repository. */
export const SHIPPED_MODEL = join(ROOT, "models", "street.onnx");

/** Where the node finds model files, one per content: `<sha256>.onnx`. */
export const MODELS_DIR = join(STATE_DIR, "models");

/** Reads a file that a user named on the command line. */
export async function readUserFile(path: string, what: string): Promise<Buffer> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new UserError(`Expected ${what} at ${path}, but there is no such file.`);
  if (!found.isFile()) throw new UserError(`Expected ${what} at ${path}, but that is not a file.`);
  return readFile(path);
}

/** Refuses, before anything is started, a file that the service would refuse when it starts. */
export function checkModel(path: string, content: Buffer): void {
  try {
    readModel(content);
  } catch (error) {
    if (error instanceof StartError)
      throw new UserError(`The model at ${path} cannot be used. ${error.message}`, { cause: error });
    throw error;
  }
}

/** Puts a model file where the node finds it. The service verifies the digest again when it loads the file. */
export async function storeModel(path: string, content: Buffer): Promise<{ name: string; sha256: string }> {
  const sha256 = createHash("sha256").update(content).digest("hex");
  await mkdir(MODELS_DIR, { recursive: true });
  const stored = join(MODELS_DIR, `${sha256}.onnx`);
  await writeFile(`${stored}.new`, content);
  // The service runs as another user, whatever the umask is here.
  await chmod(MODELS_DIR, 0o755);
  await chmod(`${stored}.new`, 0o644);
  await rename(`${stored}.new`, stored);
  return { name: basename(path, extname(path)), sha256 };
}

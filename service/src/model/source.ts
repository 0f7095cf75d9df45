import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { ModelFile } from "./model.ts";
import { type ModelReference, placeOf } from "./reference.ts";
import { download, type Progress } from "./source/download.ts";
import { httpsRemote } from "./source/https.ts";
import { LIMITS, type Limits } from "./source/limits.ts";
import { digestOfFile } from "./source/partial.ts";
import { s3Remote } from "./source/s3.ts";

/** How the file of a model is fetched. */
export interface FetchOptions {
  /** Folder for downloaded models, named `<sha256>.onnx`; made where it is missing. Several processes may share it. */
  cacheDir: string;
  signal: AbortSignal;
  /** Called every 10 s, after each problem, and at the end of a download. Nothing in it is secret. */
  onProgress?: (progress: Progress) => void;
  /** Defaults to `LIMITS`. */
  limits?: Limits;
}

/**
 * The file of a model on this machine. One at an https: or s3: address is downloaded into the cache, unless it is there with
 * the right digest. One at a file: address stays where it is; `readModelFile` verifies it, as it does whenever it reads one.
 * @throws StartError with what to do, and without queries and credentials, when it cannot be had
 */
export async function fetchModel(reference: ModelReference, options: FetchOptions): Promise<ModelFile> {
  const { name, uri, sha256 } = reference;
  if (uri.protocol === "file:") return { name, sha256, path: fileURLToPath(uri) };
  const { cacheDir, signal, onProgress = () => {}, limits = LIMITS } = options;
  const folder = resolve(cacheDir);
  const path = join(folder, `${sha256}.onnx`);
  const digest = await digestOfFile(folder, path);
  if (digest !== sha256) {
    if (digest !== undefined) onProgress({ bytes: 0, problem: `${path} is damaged; downloading it again` });
    const remote = uri.protocol === "s3:" ? s3Remote(uri) : httpsRemote(uri);
    const what = `the model ${name} from ${placeOf(uri)} (MODELS)`;
    await download({ what, remote, sha256, folder, path, signal, limits, onProgress });
  }
  return { name, sha256, path };
}

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { StartError } from "../errors.ts";
import type { TensorSpec } from "../model/layout.ts";
import type { ProviderName } from "./messages.ts";

/**
 * Libraries that each execution provider needs beside ONNX Runtime's own. The npm package holds the processor's only; the
 * others are in the NuGet packages Microsoft.ML.OnnxRuntime.Gpu.Linux of the same version.
 */
const LIBRARIES: Readonly<Record<ProviderName, readonly string[]>> = {
  cpu: [],
  cuda: ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"],
  tensorrt: [
    "libonnxruntime_providers_shared.so",
    "libonnxruntime_providers_cuda.so",
    "libonnxruntime_providers_tensorrt.so",
  ],
};

/**
 * The providers that a session is opened with: what is asked for, and for TensorRT what runs the parts of a model that
 * TensorRT does not take. A provider that is not there is never replaced by another: ONNX Runtime's binding throws.
 */
export const PROVIDERS: Readonly<Record<ProviderName, readonly ProviderName[]>> = {
  cpu: ["cpu"],
  cuda: ["cuda"],
  tensorrt: ["tensorrt", "cuda"],
};

/** Folder of ONNX Runtime's libraries in the installed npm package. */
export function runtimeFolder(): string {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  return join(dirname(entry), "..", "bin", "napi-v6", process.platform, process.arch);
}

/**
 * Checks that an execution provider can be used before a session asks for it.
 * @param supported the names that `listSupportedBackends` of the binding gives; `session.create` drops others silently
 * @throws StartError that names the library that is missing
 */
export function checkProvider(provider: ProviderName, supported: readonly string[], folder = runtimeFolder()): void {
  const unknown = PROVIDERS[provider].find((name) => !supported.includes(name));
  if (unknown !== undefined) {
    throw refusal(provider, `this build of ONNX Runtime has only ${supported.join(", ")}`);
  }
  const missing = LIBRARIES[provider].find((name) => !existsSync(join(folder, name)));
  if (missing !== undefined) throw refusal(provider, `there is no ${missing} in ${folder}`);
}

/**
 * Checks that an execution provider runs a model with these inputs without long pauses.
 * @throws StartError for TensorRT when a dimension varies: it would compile the model anew, for minutes, at the first request of
 *   each new size (https://onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html)
 */
export function checkInputs(provider: ProviderName, inputs: readonly TensorSpec[]): void {
  const varying = inputs.find(({ shape }) => shape.includes(-1));
  if (provider !== "tensorrt" || varying === undefined) return;
  throw new StartError(
    `Expected a model of fixed batch and size for tensorrt, which compiles it anew for each other one, but received ` +
      `${varying.name} [${varying.shape}]. Export it with dynamic=False, or set EXECUTION_PROVIDER to cuda.`,
  );
}

/**
 * Says why a session could not be opened: for a GPU, which library is missing that a provider itself needs.
 * ONNX Runtime tells only its log which one; the loader is asked again here.
 */
export function explainFailure(provider: ProviderName, error: unknown, folder = runtimeFolder()): StartError {
  for (const name of LIBRARIES[provider]) {
    const missing = missingLibrary(join(folder, name));
    if (missing !== undefined) return refusal(provider, `${name} needs ${missing}, which is not installed`, error);
  }
  const reason = error instanceof Error ? error.message : String(error);
  if (provider === "cpu") {
    return new StartError(`Expected a model that ONNX Runtime can load, but: ${reason}`, { cause: error });
  }
  return refusal(provider, reason, error);
}

/** Name of the first library that the loader does not find for another one; undefined when it finds all. */
function missingLibrary(path: string): string | undefined {
  try {
    // Not an addon, so that this always throws; the loader's own message comes first.
    process.dlopen({ exports: {} }, path);
  } catch (error) {
    const found = /(?:^|\s)(\S+\.so[.\d]*): cannot open shared object file/.exec(String(error))?.[1];
    return found === path ? undefined : found;
  }
  return undefined;
}

function refusal(provider: ProviderName, reason: string, cause?: unknown): StartError {
  return new StartError(
    `Expected ONNX Runtime to run on ${provider} (EXECUTION_PROVIDER) but ${reason}. ` +
      "Use the service's image for GPUs on a machine with one, or set EXECUTION_PROVIDER to cpu.",
    { cause },
  );
}

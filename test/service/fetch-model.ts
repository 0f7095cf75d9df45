// Fetches models in a process of its own, prints their paths, and whether the AWS SDK was loaded:
// node fetch-model.ts MODELS MODEL_CACHE_DIR
import { createRequire } from "node:module";
import { parseModels } from "../../service/src/model/reference.ts";
import { LIMITS } from "../../service/src/model/source/limits.ts";
import { fetchModel } from "../../service/src/model/source.ts";

const [, , models = "", cacheDir = ""] = process.argv;
const limits = { ...LIMITS, pauseMs: 50, longestPauseMs: 100 };
for (const reference of parseModels(models)) {
  console.log((await fetchModel(reference, { cacheDir, signal: AbortSignal.timeout(60_000), limits })).path);
}
const loaded = Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes("@aws-sdk/client-s3"));
console.log(loaded ? "with the AWS SDK" : "without the AWS SDK");

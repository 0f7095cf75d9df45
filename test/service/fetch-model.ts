// Fetches a model in a process of its own: node fetch-model.ts MODELS MODEL_CACHE_DIR
import { parseModels } from "../../service/src/model/reference.ts";
import { LIMITS } from "../../service/src/model/source/limits.ts";
import { fetchModel } from "../../service/src/model/source.ts";

const [, , models = "", cacheDir = ""] = process.argv;
const limits = { ...LIMITS, pauseMs: 50, longestPauseMs: 100 };
for (const reference of parseModels(models)) {
  console.log((await fetchModel(reference, { cacheDir, signal: AbortSignal.timeout(60_000), limits })).path);
}

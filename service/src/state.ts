import type { ProviderName } from "./inference/messages.ts";
import type { Pool } from "./inference/pool.ts";
import type { LoadedModel } from "./model/model.ts";

/** The models that are loaded and the workers that run them. */
export interface Engine {
  /** By name. */
  models: ReadonlyMap<string, LoadedModel>;
  /** What runs where a request names none. */
  defaultModel: LoadedModel;
  pool: Pool;
  provider: ProviderName;
}

/** Where the service stands. The server moves it on; routes only read it. */
export interface State {
  phase: "starting" | "serving" | "draining";
  /** Set once every model is loaded and warm. */
  engine?: Engine;
}

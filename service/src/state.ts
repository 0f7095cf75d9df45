import type { Pool } from "./inference/pool.ts";
import type { Model } from "./model/layout.ts";

/** A loaded model and the workers that run it. */
export interface Detector {
  model: Model;
  pool: Pool;
}

/** Where the service stands. The server moves it on; routes only read it. */
export interface State {
  phase: "starting" | "serving" | "draining";
  /** Set once the model is loaded and warm. */
  detector?: Detector;
}

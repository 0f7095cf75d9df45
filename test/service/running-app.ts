import { buildApp } from "../../service/src/app.ts";
import { readConfig } from "../../service/src/config.ts";
import { loadEngine } from "../../service/src/engine.ts";
import type { State } from "../../service/src/state.ts";
import { environment, type FixtureLayout } from "./support.ts";

/** An app with its state, and how to end it. */
export type RunningApp = Awaited<ReturnType<typeof startApp>>;

/** Starts the app on real workers, without a listener. */
export async function startApp(layout: FixtureLayout, more: Record<string, string> = {}) {
  const config = readConfig(environment(layout, more));
  const state: State = { phase: "starting" };
  const { app, metrics } = await buildApp(config, state);
  state.engine = await loadEngine(config, metrics, app.log, new AbortController().signal);
  state.phase = "serving";
  const close = async () => {
    await app.close();
    state.engine?.pool.close();
  };
  return { app, state, close };
}

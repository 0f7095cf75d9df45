import { AsyncLocalStorage } from "node:async_hooks";
import type { Findings } from "../inference/messages.ts";
import type { Run, RunEnd } from "../inference/observe.ts";
import type { RequestTrace } from "./tracing.ts";

/** What becomes known about a request while it is answered, for its log line and its trace. */
export interface RequestRecord {
  /** Names of the models that ran for it. */
  models: Set<string>;
  /** Images that were looked at. */
  images: number;
  /** Missing where nothing is traced. */
  trace?: RequestTrace;
}

const current = new AsyncLocalStorage<RequestRecord>();

/** Runs what answers a request, so that what it lets a pool do is put down in its record. */
export function withRecord(record: RequestRecord, run: () => void): void {
  current.run(record, run);
}

/**
 * Puts down in the record of the request that asks for it what a pool does, as its `onRun`. What is asked outside of a request,
 * such as the frames of a stream, leaves none.
 */
export function recordRun(run: Run): RunEnd | undefined {
  const record = current.getStore();
  if (record === undefined) return undefined;
  record.models.add(run.model);
  record.images++;
  const end = record.trace?.run();
  if (end === undefined) return undefined;
  return (findings, error) => {
    if (findings === undefined) return end(run, error);
    const { width, height, speed } = findings;
    end({ ...run, width, height, speed });
  };
}

/** What is known about a run of a model before and after it. */
export interface RunFacts extends Run, Partial<Pick<Findings, "width" | "height" | "speed">> {}

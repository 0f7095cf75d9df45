import { AsyncLocalStorage } from "node:async_hooks";
import type { Findings } from "../inference/messages.ts";
import type { Pool } from "../inference/pool.ts";
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
 * Makes a pool put down in the record of the request that asks what it does. What is asked outside of a request, such as
 * the frames of a stream, leaves none.
 */
export function observePool(pool: Pool): void {
  const detect = pool.detect.bind(pool);
  pool.detect = (model, image, options, how) => {
    const facts = { model, bytes: image.byteLength };
    return observe(
      facts,
      () => detect(model, image, options, how),
      ({ width, height, speed }) => {
        return { width, height, speed };
      },
    );
  };
  const infer = pool.infer.bind(pool);
  pool.infer = (model, inputs, outputs, how) => {
    const bytes = inputs.reduce((sum, { data }) => sum + data.byteLength, 0);
    return observe(
      { model, bytes },
      () => infer(model, inputs, outputs, how),
      () => ({}),
    );
  };
}

/** What is known about a run of a model before and after it. */
export interface RunFacts extends Partial<Pick<Findings, "width" | "height" | "speed">> {
  model: string;
  /** Size of what came in, encoded. */
  bytes: number;
}

async function observe<Result>(
  facts: RunFacts,
  run: () => Promise<Result>,
  found: (result: Result) => Partial<RunFacts>,
): Promise<Result> {
  const record = current.getStore();
  if (record === undefined) return run();
  record.models.add(facts.model);
  record.images++;
  if (record.trace === undefined) return run();
  const end = record.trace.run();
  try {
    const result = await run();
    end({ ...facts, ...found(result) });
    return result;
  } catch (error) {
    end(facts, error);
    throw error;
  }
}

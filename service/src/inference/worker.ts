import { parentPort, workerData } from "node:worker_threads";
import { env } from "onnxruntime-node";
import { RequestError, StartError } from "../errors.ts";
import type { Answer, Failure, Task, WorkerMessage, WorkerOptions } from "./messages.ts";
import { leaveNative } from "./native-calls.ts";
import { Runner } from "./runner.ts";

/** A thread that owns a session of every model: decodes, runs and reads one task at a time. */

leaveNative();
const { options } = workerData as { options: WorkerOptions };
if (parentPort === null) throw new Error("worker.ts runs as a worker thread only");
const port = parentPort;

async function load(): Promise<Map<string, Runner>> {
  const runners = new Map<string, Runner>();
  // One after the other: each takes all threads for its first run.
  for (const file of options.models) runners.set(file.name, await Runner.create(file, options));
  return runners;
}

async function perform(runner: Runner, task: Task): Promise<Answer> {
  switch (task.type) {
    case "detect": {
      const results = await runner.detectBatch(task.items, task.wide);
      const items = results.map((result) =>
        result instanceof RequestError ? { failure: failureOf(result) } : { findings: result },
      );
      return { type: "found", items };
    }
    case "infer":
      return { type: "inferred", outputs: await runner.infer(task.inputs, task.outputs, task.wide) };
    case "probe":
      await runner.probe();
      return { type: "alive" };
  }
}

async function answer(runners: ReadonlyMap<string, Runner>, task: Task): Promise<Answer> {
  try {
    const runner = runners.get(task.model);
    if (runner === undefined) throw new RequestError("YOLO_MODEL_UNKNOWN");
    return await perform(runner, task);
  } catch (error) {
    return { type: "failed", failure: failureOf(error) };
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof RequestError) return { code: error.code, message: error.message };
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "YOLO_INTERNAL", message: "", detail };
}

const send = (message: WorkerMessage) => port.postMessage(message);

try {
  const runners = await load();
  port.on("message", async (task: Task) => send(await answer(runners, task)));
  send({ type: "ready", runtimeVersion: env.versions.node ?? env.versions.common });
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  send({ type: "refused", message: error.message });
}

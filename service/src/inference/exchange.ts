import { RequestError } from "../errors.ts";
import type { Job } from "./job.ts";
import type { Answer, Task } from "./messages.ts";

/** The task that asks a worker for jobs that share a run. */
export function taskOf(jobs: readonly Job[], { model, work }: Job, wide: boolean): Task {
  if (work.type !== "detect") return { ...work, model, wide };
  const items = jobs.flatMap(({ work }) =>
    work.type === "detect" ? [{ image: work.image, options: work.options }] : [],
  );
  return { type: "detect", model, wide, items };
}

/** Whether an answer shows that the worker still runs models. */
export function isProof(answer: Answer): boolean {
  return answer.type === "found" ? answer.items.some((item) => "findings" in item) : answer.type !== "failed";
}

/** Ends a job by its part of the answer to its task. */
export function settle(job: Job, index: number, answer: Answer): void {
  if (answer.type === "failed") job.fail(answer.failure);
  else if (answer.type === "inferred") job.resolve(answer.outputs);
  else if (answer.type === "alive") job.resolve(undefined);
  else {
    const item = answer.items[index];
    if (item === undefined) job.reject(new RequestError("YOLO_INTERNAL", undefined, { cause: "a worker left it out" }));
    else if ("failure" in item) job.fail(item.failure);
    else job.resolve(item.findings);
  }
}

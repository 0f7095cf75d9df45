import type { Computed, Found } from "./task.ts";

/** Classes in an answer, as the vendor prints. */
const TOP = 5;

/** Reads the surest classes: rows of confidence and class. Scores are as exported, after the softmax; no threshold. */
export function readClassify({ head: { data }, options: { classes, maxDet } }: Computed): Found {
  const order = Array.from(data.keys()).filter((index) => classes?.includes(index) ?? true);
  const score = (index: number) => data[index] as number;
  order.sort((a, b) => score(b) - score(a) || a - b);
  const top = order.slice(0, Math.min(TOP, maxDet));
  return { rows: Float32Array.from(top.flatMap((index) => [score(index), index])), columns: 2 };
}

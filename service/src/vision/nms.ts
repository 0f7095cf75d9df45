import type { Selection } from "../inference/messages.ts";
import { DETECTION_SIZE } from "./boxes.ts";

/** The output of a head, row by row. */
export interface Head {
  data: Float32Array;
  /** Number of classes. */
  classes: number;
  /** Numbers per object beside its box and its classes. */
  extra: number;
  /** The best score of each anchor, where the graph computes it. */
  best?: Float32Array;
}

/** The vendor's limit on the candidates that enter suppression (`max_nms` of its `non_max_suppression`). */
const MAX_CANDIDATES = 30_000;

/** The vendor keeps classes apart by moving each class this many pixels away; its rounding is part of the result. */
export const CLASS_OFFSET = 7680;

const { fround } = Math;

/**
 * Turns a raw head's output, `[4 + classes + extra, anchors]` with boxes as centre and size, into rows of x1, y1, x2, y2,
 * confidence, class and the extra numbers, in pixels of the model's input, best first. Greedy and class-aware; single
 * precision, order and ties are those of the vendor's code.
 */
export function selectRaw(head: Head, selection: Selection): Float32Array {
  const { data, classes, extra } = head;
  const anchors = data.length / (4 + classes + extra);
  const candidates = bestClasses(head, anchors, selection);
  const boxes = cornersOf(data, anchors, candidates.anchor);
  const kept = suppress(boxes, candidates.class, selection.iou, selection.maxDet);
  const columns = DETECTION_SIZE + extra;
  const rows = new Float32Array(kept.length * columns);
  kept.forEach((index, i) => {
    const row = i * columns;
    rows.set(boxes.subarray(index * 4, index * 4 + 4), row);
    rows[row + 4] = candidates.score[index] as number;
    rows[row + 5] = candidates.class[index] as number;
    copyExtra(head, anchors, candidates.anchor[index] as number, rows, row + DETECTION_SIZE);
  });
  return rows;
}

/** Copies what an anchor has beside box and classes. */
export function copyExtra(head: Head, anchors: number, anchor: number, target: Float32Array, at: number): void {
  const first = 4 + head.classes;
  for (let e = 0; e < head.extra; e++) target[at + e] = head.data[(first + e) * anchors + anchor] as number;
}

/** Takes rows from an output of finished objects, `[n, 6 + extra]`, which the model has already suppressed and sorted. */
export function selectFinished({ data, extra }: Head, selection: Selection): Float32Array {
  const columns = DETECTION_SIZE + extra;
  const threshold = fround(selection.conf);
  const found: number[] = [];
  for (let i = 0; i < data.length && found.length < selection.maxDet; i += columns) {
    if ((data[i + 4] as number) > threshold) found.push(i);
  }
  // The vendor filters classes after the limit, so that a filter never brings up weaker detections.
  const wanted = found.filter((i) => selection.classes?.includes(data[i + 5] as number) ?? true);
  const rows = new Float32Array(wanted.length * columns);
  wanted.forEach((row, i) => {
    rows.set(data.subarray(row, row + columns), i * columns);
  });
  return rows;
}

/** What enters suppression: anchors with their best class and its score, best first. */
export interface Candidates {
  anchor: number[];
  class: number[];
  score: number[];
}

/** The best class of each anchor above the threshold, best score first; of equal scores the first anchor comes first. */
export function bestClasses(head: Head, anchors: number, selection: Selection): Candidates {
  const threshold = fround(selection.conf);
  const best = head.best ?? bestScores(head, anchors);
  const found: { anchor: number; class: number; score: number }[] = [];
  for (let anchor = 0; anchor < anchors; anchor++) {
    const score = best[anchor] as number;
    if (!(score > threshold)) continue;
    const index = classOf(head, anchors, anchor, score);
    if (selection.classes?.includes(index) ?? true) found.push({ anchor, class: index, score });
  }
  found.sort((a, b) => b.score - a.score || a.anchor - b.anchor);
  const most = found.slice(0, MAX_CANDIDATES);
  return {
    anchor: most.map(({ anchor }) => anchor),
    class: most.map((one) => one.class),
    score: most.map(({ score }) => score),
  };
}

/** The best score of each anchor; none, which is 0, where no score is a number. */
function bestScores({ data, classes }: Head, anchors: number): Float32Array {
  const best = new Float32Array(anchors);
  // Class by class, because that is how the memory lies.
  for (let c = 0, i = 4 * anchors; c < classes; c++) {
    for (let a = 0; a < anchors; a++, i++) {
      if ((data[i] as number) > (best[a] as number)) best[a] = data[i] as number;
    }
  }
  return best;
}

/** The first class that has the score. */
function classOf({ data, classes }: Head, anchors: number, anchor: number, score: number): number {
  let index = 0;
  while (index < classes && data[(4 + index) * anchors + anchor] !== score) index++;
  return index;
}

function cornersOf(output: Float32Array, anchors: number, chosen: readonly number[]): Float32Array {
  const boxes = new Float32Array(chosen.length * 4);
  chosen.forEach((a, i) => {
    const x = output[a] as number;
    const y = output[anchors + a] as number;
    const halfWidth = fround((output[2 * anchors + a] as number) / 2);
    const halfHeight = fround((output[3 * anchors + a] as number) / 2);
    boxes.set([x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight], i * 4);
  });
  return boxes;
}

/** Greedy suppression of boxes that are sorted best first; returns the indices that stay, at most `limit`. */
function suppress(boxes: Float32Array, classes: readonly number[], iou: number, limit: number): number[] {
  const moved = boxes.map((value, i) => value + (classes[i >> 2] as number) * CLASS_OFFSET);
  const areas = Float32Array.from(classes, (_, i) => {
    const width = fround((moved[i * 4 + 2] as number) - (moved[i * 4] as number));
    return width * fround((moved[i * 4 + 3] as number) - (moved[i * 4 + 1] as number));
  });
  const kept: number[] = [];
  for (let i = 0; i < classes.length && kept.length < limit; i++) {
    // Against what is kept instead of against all that follows: the same result, and most boxes are never compared.
    if (!kept.some((k) => classes[k] === classes[i] && overlap(moved, areas, k, i) > iou)) kept.push(i);
  }
  return kept;
}

/** Intersection over union of two boxes. */
function overlap(boxes: Float32Array, areas: Float32Array, i: number, j: number): number {
  const a = i * 4;
  const b = j * 4;
  const left = Math.max(boxes[a] as number, boxes[b] as number);
  const top = Math.max(boxes[a + 1] as number, boxes[b + 1] as number);
  const right = Math.min(boxes[a + 2] as number, boxes[b + 2] as number);
  const bottom = Math.min(boxes[a + 3] as number, boxes[b + 3] as number);
  const common = fround(Math.max(0, fround(right - left)) * Math.max(0, fround(bottom - top)));
  return fround(common / fround(fround((areas[i] as number) + (areas[j] as number)) - common));
}

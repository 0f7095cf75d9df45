import type { Selection } from "../inference/messages.ts";
import { bestClasses, CLASS_OFFSET, copyExtra, type Head } from "./nms.ts";

/** Numbers per rotated box: centre x, centre y, width, height, confidence, class, angle in radians. */
export const ROTATED_SIZE = 7;

const EPSILON = 1e-7;

const { fround } = Math;

/** A rotated box as the normal distribution of the same spread: centre and covariance. */
interface Spread {
  x: number;
  y: number;
  a: number;
  b: number;
  c: number;
  /** Square of the longer side, to see cheaply that two boxes are far apart. */
  reach: number;
}

/**
 * Turns a raw head's output, `[4 + classes + 1, anchors]` with boxes as centre and size and the angle last, into rotated
 * boxes in pixels of the model's input, best first. As in the vendor's code a box is dropped when any better one of its
 * class is too similar, even one that is dropped itself, and similarity is ProbIoU (https://arxiv.org/abs/2106.06072).
 */
export function selectRotated(head: Head, selection: Selection): Float32Array {
  const { data, classes, extra } = head;
  const anchors = data.length / (4 + classes + extra);
  const candidates = bestClasses(head, anchors, selection);
  const boxes = new Float32Array(candidates.anchor.length * ROTATED_SIZE);
  candidates.anchor.forEach((anchor, i) => {
    const row = i * ROTATED_SIZE;
    for (let k = 0; k < 4; k++) boxes[row + k] = data[k * anchors + anchor] as number;
    boxes[row + 4] = candidates.score[i] as number;
    boxes[row + 5] = candidates.class[i] as number;
    copyExtra(head, anchors, anchor, boxes, row + 6);
  });
  const kept = suppress(boxes, selection);
  const rows = new Float32Array(kept.length * ROTATED_SIZE);
  kept.forEach((index, i) => {
    rows.set(boxes.subarray(index * ROTATED_SIZE, (index + 1) * ROTATED_SIZE), i * ROTATED_SIZE);
  });
  return rows;
}

/** Indices of the boxes, which are sorted best first, that stay; at most `maxDet`. */
function suppress(boxes: Float32Array, { iou, maxDet }: Selection): number[] {
  const threshold = fround(iou);
  // Above this distance ProbIoU is below the threshold; with a margin, because it is computed in single precision.
  const farthest = (-Math.log(1 - (1 - threshold) ** 2) * 1.01 * 8) / 24 + 1e-6;
  const better = new Map<number, Spread[]>();
  const kept: number[] = [];
  for (let i = 0; i * ROTATED_SIZE < boxes.length && kept.length < maxDet; i++) {
    const index = boxes[i * ROTATED_SIZE + 5] as number;
    const spread = spreadOf(boxes, i * ROTATED_SIZE, index * CLASS_OFFSET);
    const others = better.get(index) ?? [];
    const close = (other: Spread) => {
      const distance = (spread.x - other.x) ** 2 + (spread.y - other.y) ** 2;
      return distance <= farthest * (spread.reach + other.reach) && similarity(other, spread) >= threshold;
    };
    if (!others.some(close)) kept.push(i);
    others.push(spread);
    better.set(index, others);
  }
  return kept;
}

/** The vendor keeps classes apart by moving each class away along x; its rounding is part of the result. */
function spreadOf(boxes: Float32Array, row: number, offset: number): Spread {
  const [x, y, w, h, angle] = [0, 1, 2, 3, 6].map((k) => boxes[row + k] as number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const long = fround(fround(w * w) / 12);
  const short = fround(fround(h * h) / 12);
  const cos = fround(Math.cos(angle));
  const sin = fround(Math.sin(angle));
  const cos2 = fround(cos * cos);
  const sin2 = fround(sin * sin);
  return {
    x: fround(x + offset),
    y,
    a: fround(fround(long * cos2) + fround(short * sin2)),
    b: fround(fround(long * sin2) + fround(short * cos2)),
    c: fround(fround(fround(long - short) * cos) * sin),
    reach: Math.max(w * w, h * h),
  };
}

/** ProbIoU of two boxes: one minus the Hellinger distance of their distributions, in single precision. */
function similarity(p: Spread, q: Spread): number {
  const a = fround(p.a + q.a);
  const b = fround(p.b + q.b);
  const c = fround(p.c + q.c);
  const dx = fround(p.x - q.x);
  const dy = fround(p.y - q.y);
  const determinant = fround(fround(a * b) - fround(c * c));
  const divisor = fround(determinant + EPSILON);
  const t1 = fround(fround(fround(fround(a * fround(dy * dy)) + fround(b * fround(dx * dx))) / divisor) * 0.25);
  const t2 = fround(fround(fround(fround(c * -dx) * dy) / divisor) * 0.5);
  const product = fround(own(p) * own(q));
  const spread = fround(fround(4 * fround(Math.sqrt(product))) + EPSILON);
  const t3 = fround(fround(Math.log(fround(fround(determinant / spread) + EPSILON))) * 0.5);
  const distance = Math.min(Math.max(fround(fround(t1 + t2) + t3), EPSILON), 100);
  return fround(1 - fround(Math.sqrt(fround(fround(1 - fround(Math.exp(-distance))) + EPSILON))));
}

const own = ({ a, b, c }: Spread) => Math.max(0, fround(fround(a * b) - fround(c * c)));

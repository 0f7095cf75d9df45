import type { Bitmap } from "./mask.ts";

/** Steps to the eight neighbours, anticlockwise from the right, as x and y. */
const STEPS = [
  [1, 0],
  [1, -1],
  [0, -1],
  [-1, -1],
  [-1, 0],
  [-1, 1],
  [0, 1],
  [1, 1],
] as const;

/** Values of a bitmap's pixel on a border that has been followed; negative where the pixel to its right is outside. */
const SEEN = 2;
const SEEN_RIGHT = -2;

/**
 * Finds the outline of the largest part of a bitmap as x, y, x, y ... in pixels of the model's input: the outer border, without
 * points in the middle of straight lines. Points and their order are those of OpenCV's `findContours` (RETR_EXTERNAL,
 * CHAIN_APPROX_SIMPLE), which follows https://doi.org/10.1016/0734-189X(85)90016-7. Of parts of equal area the lowest counts.
 * The bitmap is used up: pixels on borders get other values than 1.
 */
export function largestOutline(bitmap: Bitmap): Int32Array {
  const { data, width, height, left, top } = bitmap;
  const stride = width + 2;
  const steps = STEPS.map(([x, y]) => y * stride + x);
  let best: number[] = [];
  let bestArea = -1;
  for (let y = 1; y <= height; y++) {
    let outside = true;
    for (let x = 1, i = y * stride + 1; x <= width; x++, i++) {
      const value = data[i] as number;
      if (value === 1 && outside && data[i - 1] === 0) {
        const outline = follow(data, i, steps, x + left - 1, y + top - 1);
        const area = areaOf(outline);
        if (area >= bestArea) [best, bestArea] = [outline, area];
      }
      // A border's sign says whether the row goes on inside or outside of the part; a hole's border is none.
      const now = data[i] as number;
      if (now !== 0 && now !== 1) outside = now < 0;
    }
  }
  return Int32Array.from(best);
}

/** Follows one outer border from its uppermost, leftmost pixel, which is at (`x`, `y`). */
function follow(data: Int8Array, start: number, steps: readonly number[], x: number, y: number): number[] {
  const step = (direction: number) => steps[direction & 7] as number;
  const at = (index: number) => data[index] as number;
  let direction = 4;
  do {
    direction = (direction - 1) & 7;
  } while (direction !== 4 && at(start + step(direction)) === 0);
  if (direction === 4) {
    data[start] = SEEN_RIGHT;
    return [x, y];
  }
  const points: number[] = [];
  const last = start + step(direction);
  let current = start;
  let previous = direction ^ 4;
  for (;;) {
    const from = direction;
    do direction++;
    while (at(current + step(direction)) === 0);
    // Whether the search passed the neighbour to the right: then this pixel is the right end of its row.
    const passedRight = direction > 8 && from < 8;
    direction &= 7;
    if (passedRight) data[current] = SEEN_RIGHT;
    else if (at(current) === 1) data[current] = SEEN;
    if (direction !== previous) {
      points.push(x, y);
      previous = direction;
    }
    const next = current + step(direction);
    if (next === start && current === last) return points;
    x += (STEPS[direction] as readonly [number, number])[0];
    y += (STEPS[direction] as readonly [number, number])[1];
    current = next;
    direction = (direction + 4) & 7;
  }
}

/** Twice the area that a closed line of points encloses. */
function areaOf(points: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < points.length; i += 2) {
    const j = (i + 2) % points.length;
    sum += (points[i] as number) * (points[j + 1] as number) - (points[j] as number) * (points[i + 1] as number);
  }
  return Math.abs(sum);
}

import type { Found } from "./servers.ts";

/** Objects are the same when classes are, and sides and confidence differ by no more than this (pixels of the photo, share). */
const PIXELS = 0.5;
const CONFIDENCE = 0.01;

/** Whether two objects are the same but for rounding. */
function isSame(a: Found, b: Found): boolean {
  const sides = ["x1", "y1", "x2", "y2"] as const;
  return (
    a.class === b.class &&
    Math.abs(a.confidence - b.confidence) <= CONFIDENCE &&
    sides.every((side) => Math.abs(a.box[side] - b.box[side]) <= PIXELS)
  );
}

/** How many of both lists' objects have no equal in the other. */
export function differences(a: readonly Found[], b: readonly Found[]): number {
  const rest = [...b];
  let alone = 0;
  for (const object of a) {
    const index = rest.findIndex((other) => isSame(object, other));
    if (index < 0) alone++;
    else rest.splice(index, 1);
  }
  return alone + rest.length;
}

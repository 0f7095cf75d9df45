/** The generators of `test/fixtures/reference.py`, written again: same seed, same image or tensor, bit for bit. */

/** A pseudorandom 32-bit number, by seed and position. */
function number(seed: number, position: number): number {
  let v = (position + seed * 1000003) >>> 0;
  v = Math.imul(v ^ (v >>> 16), 0x7feb352d) >>> 0;
  v = Math.imul(v ^ (v >>> 15), 0x846ca68b) >>> 0;
  return (v ^ (v >>> 16)) >>> 0;
}

/** A pseudorandom number from 0 to below 1. */
function unit(seed: number, position: number): number {
  return number(seed, position) / 2 ** 32;
}

/** RGB noise: the hardest image to scale, because each pixel counts. */
export function noise(width: number, height: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => number(seed, i) & 255);
}

/** A grey RGB image with six coloured rectangles, which the fixture models find. */
export function blocks(width: number, height: number, seed: number): Uint8Array {
  const pixels = new Uint8Array(width * height * 3).fill(128);
  for (let i = 0; i < 6; i++) {
    const [x = 0, y = 0, w = 0, h = 0, r = 0, g = 0, b = 0, c = 0] = Array.from({ length: 8 }, (_, k) =>
      unit(seed, i * 8 + k),
    );
    const colour = [r, g, b].map((value) => Math.floor(value * 120));
    colour[Math.floor(c * 3)] = 255;
    const left = Math.floor(x * width);
    const top = Math.floor(y * height);
    const right = Math.min(width, left + Math.max(1, Math.floor((w * width) / 2)));
    const bottom = Math.min(height, top + Math.max(1, Math.floor((h * height) / 2)));
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) pixels.set(colour, (row * width + column) * 3);
    }
  }
  return pixels;
}

/** A raw head's output `[4 + classes, anchors]` with many overlapping boxes; `share` of the scores are above 0.25. */
export function headOutput(seed: number, classes: number, anchors: number, share: number): Float32Array {
  return Float32Array.from({ length: (4 + classes) * anchors }, (_, i) => {
    const u = unit(seed, i);
    const row = Math.floor(i / anchors);
    if (row < 2) return Math.floor(u * 8) * 70 + u * 30;
    if (row < 4) return 40 + u * 60;
    return u < share ? 0.25 + (0.75 * u) / Math.max(share, 1e-9) : u * 0.009;
  });
}

/** Pseudorandom numbers from 0 to below 1. */
export function units(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => unit(seed, i));
}

/** Numbers from -1 to 1 whose sums and products single precision holds exactly, so that their order does not matter. */
export function dyadics(seed: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => ((number(seed, i) & 31) - 16) / 16);
}

/** For each position of a longer or shorter axis, the two positions that its value is blended from. */
export interface Blend {
  first: Int32Array;
  second: Int32Array;
  /** Share of `second`, 0 to 1. */
  share: Float32Array;
}

const { fround } = Math;

/**
 * How bilinear interpolation without aligned corners, as PyTorch's `interpolate` does it, brings `source` values to `target`.
 * Single precision, as there.
 */
export function blendOf(source: number, target: number): Blend {
  const scale = fround(source / target);
  const first = new Int32Array(target);
  const second = new Int32Array(target);
  const share = new Float32Array(target);
  for (let i = 0; i < target; i++) {
    const position = Math.max(0, fround(fround(scale * (i + 0.5)) - 0.5));
    const floor = Math.min(Math.floor(position), source - 1);
    first[i] = floor;
    second[i] = Math.min(floor + 1, source - 1);
    share[i] = Math.min(position - floor, 1);
  }
  return { first, second, share };
}

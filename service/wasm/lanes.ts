/**
 * The arithmetic of the letterbox on eight numbers or pixels at a time, in AssemblyScript. Shifts and rounding are those of
 * OpenCV: https://github.com/opencv/opencv/blob/4.x/modules/imgproc/src/resize.cpp
 */

/** Numbers and pixels that a vector holds. */
export const LANES: i32 = 8;

/** Value of the padding, as in the vendor's LetterBox. */
const PADDING: i32 = 114;

/**
 * x / 255 = x * 257 / 65536 + x / (255 * 65536): for x of 8 bits the first product is exact, so that the rounded sum is
 * the correctly rounded quotient, at a fraction of a division's cost.
 */
const UNIT: f32 = 257.0 / 65536.0;
const UNIT_REST: f32 = <f32>(1.0 / (255.0 * 65536.0));

/** The weighted sums of eight pairs of neighbours, without their last 4 bits. */
export function weigh(first: v128, second: v128, firstWeights: v128, secondWeights: v128): v128 {
  const a = i32x4.dot_i16x8_s(first, firstWeights);
  const b = i32x4.dot_i16x8_s(second, secondWeights);
  return i16x8.narrow_i32x4_s(i32x4.shr_s(a, 4), i32x4.shr_s(b, 4));
}

/** The upper 16 bits of the products of 16-bit numbers. */
function multiplyHigh(a: v128, b: v128): v128 {
  const low = i32x4.extmul_low_i16x8_s(a, b);
  const high = i32x4.extmul_high_i16x8_s(a, b);
  return i16x8.shuffle(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
}

/** Blends eight numbers of two rows, as OpenCV's VResizeLinear does. */
export function blend(above: usize, below: usize, near: v128, far: v128): v128 {
  const a = multiplyHigh(v128.load(above), near);
  const b = multiplyHigh(v128.load(below), far);
  return i16x8.shr_s(i16x8.add(i16x8.add(a, b), i16x8.splat(2)), 2);
}

/** From 0 to 255 to 0 to 1. */
function toUnit(values: v128): v128 {
  const exact = f32x4.convert_i32x4_s(values);
  return f32x4.add(f32x4.mul(exact, f32x4.splat(UNIT)), f32x4.mul(exact, f32x4.splat(UNIT_REST)));
}

/** Writes eight numbers of a plane. */
export function putUnits(target: usize, values: v128): void {
  v128.store(target, toUnit(i32x4.extend_low_i16x8_s(values)));
  v128.store(target, toUnit(i32x4.extend_high_i16x8_s(values)), 16);
}

/** Writes eight pixels. */
export function putPixels(target: usize, red: v128, green: v128, blue: v128): void {
  const redGreen = i8x16.narrow_i16x8_u(red, green);
  const blues = i8x16.narrow_i16x8_u(blue, blue);
  v128.store(target, i8x16.shuffle(redGreen, blues, 0, 8, 16, 1, 9, 17, 2, 10, 18, 3, 11, 19, 4, 12, 20, 5));
  const rest = i8x16.shuffle(redGreen, blues, 13, 21, 6, 14, 22, 7, 15, 23, 0, 0, 0, 0, 0, 0, 0, 0);
  v128.store64_lane(target, rest, 0, 16);
}

/** Writes padding to `count` numbers of a plane. */
export function padUnits(target: usize, count: i32): void {
  const four = toUnit(i32x4.splat(PADDING));
  const end = target + ((<usize>count) << 2);
  for (; target + 16 <= end; target += 16) v128.store(target, four);
  for (; target < end; target += 4) v128.store32_lane(target, four, 0);
}

/** Writes padding to `count` pixels. */
export function padPixels(target: usize, count: i32): void {
  memory.fill(target, <u8>PADDING, <usize>count * 3);
}

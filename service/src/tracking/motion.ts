/** An upright box by its corners, in pixels. */
export interface Corners {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/**
 * Standard deviations as shares of the box's size, and of its change from frame to frame: those of N. Wojke, A. Bewley and
 * D. Paulus, "Simple online and realtime tracking with a deep association metric", 2017 (https://arxiv.org/abs/1703.07402).
 */
const POSITION_SHARE = 1 / 20;
const VELOCITY_SHARE = 1 / 160;

/** One coordinate: its value and velocity per frame, and the covariance of the two. */
interface Coordinate {
  value: number;
  velocity: number;
  /** Variance of the value, covariance, variance of the velocity. */
  vv: number;
  vd: number;
  dd: number;
}

/**
 * Where a box is believed to be: a Kalman filter with constant velocity over centre, width and height (as N. Aharon,
 * R. Orfaig and B. Bobrovsky choose them, "BoT-SORT", 2022, https://arxiv.org/abs/2206.14651). All its noise is diagonal,
 * so that the filter of eight dimensions falls apart into four of two, which is what is computed here, without loss.
 */
export class Motion {
  #centreX: Coordinate;
  #centreY: Coordinate;
  #width: Coordinate;
  #height: Coordinate;

  constructor(box: Corners) {
    const width = box.x2 - box.x1;
    const height = box.y2 - box.y1;
    this.#centreX = begin((box.x1 + box.x2) / 2, width);
    this.#centreY = begin((box.y1 + box.y2) / 2, height);
    this.#width = begin(width, width);
    this.#height = begin(height, height);
  }

  /** The box that is believed in now. */
  get box(): Corners {
    const halfWidth = Math.max(0, this.#width.value) / 2;
    const halfHeight = Math.max(0, this.#height.value) / 2;
    const { value: x } = this.#centreX;
    const { value: y } = this.#centreY;
    return { x1: x - halfWidth, y1: y - halfHeight, x2: x + halfWidth, y2: y + halfHeight };
  }

  /** Moves on by so many frames. */
  predict(frames: number): void {
    const width = Math.max(1, this.#width.value);
    const height = Math.max(1, this.#height.value);
    for (let i = 0; i < frames; i++) {
      advance(this.#centreX, width);
      advance(this.#centreY, height);
      advance(this.#width, width);
      advance(this.#height, height);
    }
  }

  /** Stops the growing and shrinking of a box that was not seen; its centre moves on. */
  freezeSize(): void {
    this.#width.velocity = 0;
    this.#height.velocity = 0;
  }

  /** Takes in where the box was seen. */
  correct(box: Corners): void {
    const width = Math.max(1, this.#width.value);
    const height = Math.max(1, this.#height.value);
    observe(this.#centreX, (box.x1 + box.x2) / 2, width);
    observe(this.#centreY, (box.y1 + box.y2) / 2, height);
    observe(this.#width, box.x2 - box.x1, width);
    observe(this.#height, box.y2 - box.y1, height);
  }
}

function begin(value: number, size: number): Coordinate {
  const scale = Math.max(1, size);
  return { value, velocity: 0, vv: (2 * POSITION_SHARE * scale) ** 2, vd: 0, dd: (10 * VELOCITY_SHARE * scale) ** 2 };
}

function advance(coordinate: Coordinate, size: number): void {
  const { velocity, vv, vd, dd } = coordinate;
  coordinate.value += velocity;
  coordinate.vv = vv + 2 * vd + dd + (POSITION_SHARE * size) ** 2;
  coordinate.vd = vd + dd;
  coordinate.dd = dd + (VELOCITY_SHARE * size) ** 2;
}

function observe(coordinate: Coordinate, seen: number, size: number): void {
  const { value, vv, vd, dd } = coordinate;
  const variance = vv + (POSITION_SHARE * size) ** 2;
  const surprise = seen - value;
  coordinate.value += (vv / variance) * surprise;
  coordinate.velocity += (vd / variance) * surprise;
  coordinate.vv = vv - (vv * vv) / variance;
  coordinate.vd = vd - (vv * vd) / variance;
  coordinate.dd = dd - (vd * vd) / variance;
}

/** Intersection over union of two boxes, from 0 to 1. */
export function overlap(a: Corners, b: Corners): number {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - shared);
}

import { assign } from "./assignment.ts";
import { type Corners, Motion, overlap } from "./motion.ts";

/** An object as a model found it in one frame. */
export interface Sighting extends Corners {
  /** From 0 to 1. */
  confidence: number;
  class: number;
}

/** Confidence from which a detection can continue an object that is known, 0 to 1; ByteTrack's value. */
export const UNSURE = 0.1;

/** Least confidence of a new object, 0 to 1: the default of the service for `conf`, where ByteTrack's is 0.6. */
export const SURE = 0.25;

/** Frames for which an object that is not seen keeps its number. */
export const MEMORY_FRAMES = 30;

/** Overlap that a detection needs with where an object is expected: a sure one, an unsure one, one seen only once. */
const LEAST_OVERLAP = { sure: 0.2, unsure: 0.5, new: 0.3 } as const;

/** Objects that are remembered at most; beyond it, the one that was seen longest ago is forgotten. */
const MOST_TRACKS = 600;

interface Track {
  /** Missing until the object was seen twice. */
  id?: number;
  class: number;
  motion: Motion;
  lastSeen: number;
}

/**
 * Numbers the objects of one stream, so that each keeps its number from frame to frame. Y. Zhang et al., "ByteTrack:
 * Multi-Object Tracking by Associating Every Detection Box", 2022 (https://arxiv.org/abs/2110.06864): sure detections are
 * matched to expected positions first, then unsure ones to what is left, each by optimal assignment. Objects of different
 * classes are never matched. An object gets its number when it is seen for the second time, in the first frame at once,
 * so that the numbers count objects, not flickers. Nothing is random: the same sightings, the same numbers.
 */
export class Tracker {
  #tracks: Track[] = [];
  #frame: number | undefined;
  #nextId = 1;
  #sure: number;

  /** @param sure confidence from which a detection may be a new object, 0 to 1. Defaults to `SURE`. */
  constructor(sure: number = SURE) {
    this.#sure = sure;
  }

  /** Number of objects that were numbered so far. */
  get count(): number {
    return this.#nextId - 1;
  }

  /** Forgets where everything is, for example because the picture's size changed; numbers are not used again. */
  reset(): void {
    this.#tracks = [];
    this.#frame = undefined;
  }

  /**
   * Takes in what was found in a frame.
   * @param frame number of the frame, larger than the last one's; what lies between was skipped
   * @param sightings everything from `UNSURE` up, in any order
   * @returns for each sighting its object's number, or undefined where it has none (yet)
   */
  update(frame: number, sightings: readonly Sighting[]): (number | undefined)[] {
    const first = this.#frame === undefined;
    const elapsed = frame - (this.#frame ?? frame - 1);
    if (!Number.isInteger(elapsed) || elapsed < 1) {
      throw new RangeError(`Expected a frame after ${this.#frame} but received ${frame}.`);
    }
    this.#frame = frame;
    const previous = frame - elapsed;
    this.#tracks = this.#tracks.filter(({ lastSeen }) => frame - lastSeen <= MEMORY_FRAMES);
    for (const { motion, lastSeen } of this.#tracks) {
      if (lastSeen < previous) motion.freezeSize();
      motion.predict(elapsed);
    }
    const matched = new Map<number, Track>();
    const sure = indices(sightings, ({ confidence }) => confidence >= this.#sure);
    const unsure = indices(sightings, ({ confidence }) => confidence >= UNSURE && confidence < this.#sure);
    const known = this.#tracks.filter(({ id }) => id !== undefined);
    const fresh = this.#tracks.filter(({ id }) => id === undefined);
    match(known, sightings, sure, LEAST_OVERLAP.sure, matched);
    const missed = without(known, matched).filter(({ lastSeen }) => lastSeen === previous);
    match(missed, sightings, unsure, LEAST_OVERLAP.unsure, matched);
    match(
      fresh,
      sightings,
      sure.filter((index) => !matched.has(index)),
      LEAST_OVERLAP.new,
      matched,
    );
    for (const [index, track] of [...matched].sort(([a], [b]) => a - b)) {
      const sighting = sightings[index];
      if (sighting !== undefined) track.motion.correct(sighting);
      track.lastSeen = frame;
      track.id ??= this.#nextId++;
    }
    // What was seen once and not again was probably nothing.
    const lost = new Set(without(fresh, matched));
    this.#tracks = this.#tracks.filter((track) => !lost.has(track));
    for (const index of sure) {
      const sighting = sightings[index];
      if (sighting === undefined || matched.has(index)) continue;
      const track: Track = { class: sighting.class, motion: new Motion(sighting), lastSeen: frame };
      if (first) track.id = this.#nextId++;
      this.#tracks.push(track);
      matched.set(index, track);
    }
    this.#forget();
    return sightings.map((_, index) => matched.get(index)?.id);
  }

  #forget(): void {
    if (this.#tracks.length <= MOST_TRACKS) return;
    this.#tracks = this.#tracks.toSorted((a, b) => b.lastSeen - a.lastSeen).slice(0, MOST_TRACKS);
  }
}

function indices(sightings: readonly Sighting[], wanted: (sighting: Sighting) => boolean): number[] {
  return sightings.flatMap((sighting, index) => (wanted(sighting) ? [index] : []));
}

function without(tracks: readonly Track[], matched: ReadonlyMap<number, Track>): Track[] {
  const taken = new Set(matched.values());
  return tracks.filter((track) => !taken.has(track));
}

/** Adds to `matched` the best pairs of tracks and of those sightings that `candidates` names by their index. */
function match(
  tracks: readonly Track[],
  sightings: readonly Sighting[],
  candidates: readonly number[],
  leastOverlap: number,
  matched: Map<number, Track>,
): void {
  if (tracks.length === 0 || candidates.length === 0) return;
  const weights = new Float64Array(tracks.length * candidates.length);
  const expected = tracks.map((track) => ({ class: track.class, box: track.motion.box }));
  expected.forEach((track, row) => {
    candidates.forEach((index, column) => {
      const sighting = sightings[index];
      if (sighting === undefined || sighting.class !== track.class) return;
      weights[row * candidates.length + column] = overlap(track.box, sighting) - leastOverlap;
    });
  });
  assign(weights, tracks.length, candidates.length).forEach((column, row) => {
    const index = candidates[column];
    const track = tracks[row];
    if (index !== undefined && track !== undefined) matched.set(index, track);
  });
}

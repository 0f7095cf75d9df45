import type { Detection, ImageResult } from "../../contract.ts";
import type { DetectOptions, Findings } from "../inference/messages.ts";
import type { LoadedModel } from "../model/model.ts";
import { type ResultOptions, toResultsInTurns } from "../results.ts";
import { type Sighting, SURE, Tracker, UNSURE } from "../tracking/tracker.ts";

/** How the frames of one stream are looked at. */
export interface AnalysisOptions extends ResultOptions {
  loaded: LoadedModel;
  /** What the client asked for. */
  options: DetectOptions;
  /** Whether objects are numbered; without effect on models that name whole images. */
  track: boolean;
}

/** Looks at the frames of one stream, one after the other, and numbers what is in them. */
export class Analysis {
  /** What the model is asked for: with tracking also what it is unsure of, which can continue an object. */
  readonly options: DetectOptions;
  #asked: AnalysisOptions;
  #tracker: Tracker | undefined;
  #size = "";

  constructor(asked: AnalysisOptions) {
    const { options, track, loaded } = asked;
    const tracking = track && loaded.model.task !== "classify";
    this.#asked = asked;
    this.options = tracking ? { ...options, conf: Math.min(options.conf, UNSURE) } : options;
    if (tracking) this.#tracker = new Tracker(Math.max(options.conf, SURE));
  }

  /** The model that looks at the frames. */
  get model(): LoadedModel {
    return this.#asked.loaded;
  }

  /** Turns findings by `options` into what the client asked for. */
  async read(findings: Findings, frame: number): Promise<Omit<ImageResult, "speed">> {
    const { width, height, task } = findings;
    const all = await toResultsInTurns(findings, this.#asked.loaded.model.names, this.#asked);
    if (this.#tracker === undefined) return { shape: [height, width], results: all };
    // In a picture of another size nothing is where it was.
    if (this.#size !== "" && this.#size !== `${width}x${height}`) this.#tracker.reset();
    this.#size = `${width}x${height}`;
    const sightings = sightingsOf(findings, task === "obb");
    const ids = this.#tracker.update(frame, sightings);
    const results = all.flatMap((detection, index): Detection[] => {
      const id = ids[index];
      if ((sightings[index]?.confidence ?? 0) <= this.#asked.options.conf) return [];
      return [id === undefined ? detection : { ...detection, track_id: id }];
    });
    return { shape: [height, width], results };
  }
}

/** The upright boxes of what was found; a rotated box counts as the one around it. */
function sightingsOf({ rows, columns }: Findings, rotated: boolean): Sighting[] {
  return Array.from({ length: rows.length / columns }, (_, i) => {
    const [a = 0, b = 0, c = 0, d = 0, confidence = 0, index = 0, angle = 0] = rows.subarray(
      i * columns,
      (i + 1) * columns,
    );
    if (!rotated) return { x1: a, y1: b, x2: c, y2: d, confidence, class: index };
    const halfWidth = (Math.abs(c * Math.cos(angle)) + Math.abs(d * Math.sin(angle))) / 2;
    const halfHeight = (Math.abs(c * Math.sin(angle)) + Math.abs(d * Math.cos(angle))) / 2;
    return { x1: a - halfWidth, y1: b - halfHeight, x2: a + halfWidth, y2: b + halfHeight, confidence, class: index };
  });
}

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DetectOptions, Selection } from "../../service/src/inference/messages.ts";
import type { Fit } from "../../service/src/vision/boxes.ts";
import { FIXTURES } from "./support.ts";

/** A mask as `reference_tasks.py` wrote it: points of float32 in base64, and COCO's run lengths. */
export interface MaskGolden {
  outline: string;
  counts: string;
}

/** What `reference_tasks.py` wrote. */
export interface TaskGoldens {
  masks: {
    seed: number;
    fit: Fit;
    shape: [channels: number, height: number, width: number];
    objects: number;
    rows: string;
    masks: MaskGolden[];
  }[];
  outlines: { seed: number; size: [number, number]; share: number; outline: number[] }[];
  rotated: {
    seed: number;
    classes: number;
    anchors: number;
    share: number;
    selection: Partial<Selection>;
    count: number;
    rows: string;
  }[];
  crops: { image: [number, number]; side: number; seed: number; sha256: string }[];
  pipeline: {
    image: [number, number];
    seed: number;
    model: string;
    selection: Partial<Selection>;
    columns: number;
    rows: number[][];
    masks?: MaskGolden[];
  }[];
}

/** Reads the golden file. */
export function readTaskGoldens(): TaskGoldens {
  return JSON.parse(readFileSync(join(FIXTURES, "goldens-tasks.json"), "utf8")) as TaskGoldens;
}

/** Single-precision numbers from base64. */
export function floats(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer);
}

/** The selection and options of a golden, with the defaults of the reference. */
export function optionsOf(selection: Partial<Selection>): DetectOptions {
  return { conf: 0.25, iou: 0.7, maxDet: 300, resize: "exact", runLengths: true, ...selection };
}

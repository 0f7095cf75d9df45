import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import type { Selection } from "../../service/src/inference/messages.ts";

/** Folder of the models and golden files. */
export const FIXTURES = join(import.meta.dirname, "..", "fixtures");

/** Layouts of which there is a fixture model. */
export type FixtureLayout = "raw" | "end-to-end" | "dynamic";

/** Path of a fixture model. */
export function modelPath(layout: FixtureLayout): string {
  return join(FIXTURES, `colours-${layout}.onnx`);
}

/** SHA-256 in hexadecimal digits. */
export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The entry of MODELS for a file. */
export function modelEntry(name: string, path: string): string {
  return `${name}=${pathToFileURL(path)}@sha256:${sha256(readFileSync(path))}`;
}

/** Settings that a server of a fixture model needs; `more` overrides. */
export function environment(layout: FixtureLayout, more: Record<string, string> = {}): Record<string, string> {
  return { MODELS: modelEntry("colours", modelPath(layout)), WORKERS: "1", THREADS: "1", LOG_LEVEL: "fatal", ...more };
}

/** Encodes RGB pixels as PNG, which loses nothing. */
export function png(data: Uint8Array, width: number, height: number): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/** A PNG of a grey image that takes a worker a good part of a second and the network nothing. */
export function slowImage(): Promise<Buffer> {
  const size = 6000;
  return sharp({ create: { width: size, height: size, channels: 3, background: "#808080" } })
    .png()
    .toBuffer();
}

/** What `reference.py` wrote. */
export interface Goldens {
  letterbox: {
    image: [number, number];
    input: [number, number];
    stride: number | null;
    seed: number;
    size: [number, number];
    sha256: string;
    pixels?: string;
  }[];
  suppression: {
    seed: number;
    classes: number;
    anchors: number;
    share: number;
    selection: Partial<Selection>;
    count: number;
    detections: string;
  }[];
  pipeline: {
    image: [number, number];
    seed: number;
    layout: FixtureLayout;
    selection: Partial<Selection>;
    detections: number[][];
  }[];
  photo: { file: string; size: [number, number]; sha256: string };
}

/** Reads the golden file. */
export function readGoldens(): Goldens {
  return JSON.parse(readFileSync(join(FIXTURES, "goldens.json"), "utf8")) as Goldens;
}

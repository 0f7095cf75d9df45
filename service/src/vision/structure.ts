import { inflateSync } from "node:zlib";
import { type AvifStructure, avifStructure } from "./avif.ts";

/** Scans of a progressive JPEG that are decoded; encoders write about ten. Each costs a pass over all pixels. */
const MOST_SCANS = 64;

/** Bytes of text and colour profiles that a PNG may inflate to; the library would take 8 MB for each of a thousand. */
const MOST_TEXT_BYTES = 16 * 1024 * 1024;

/** Compressed chunks of text that a PNG may have. */
const MOST_TEXTS = 256;

/**
 * Finds what makes an image cost the decoder far more than its pixels do: files of some kilobytes that take minutes or
 * gigabytes. What is malformed in other ways is left to the decoder.
 */
export function imageStructure(file: Uint8Array): AvifStructure {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.toString("latin1", 4, 8) === "ftyp") return avifStructure(bytes);
  const problem = bytes[0] === 0xff ? jpegProblem(bytes) : bytes[0] === 0x89 ? pngProblem(bytes) : undefined;
  return problem === undefined ? { tiled: false } : { problem, tiled: false };
}

const SCAN_MARKER = Buffer.of(0xff, 0xda);

function jpegProblem(file: Buffer): string | undefined {
  // First what is fast: nearly no file has so many, whatever they belong to.
  let markers = 0;
  for (let at = file.indexOf(SCAN_MARKER); at >= 0 && markers <= MOST_SCANS; at = file.indexOf(SCAN_MARKER, at + 2))
    markers++;
  if (markers <= MOST_SCANS || countScans(file) <= MOST_SCANS) return undefined;
  return `Expected a JPEG of at most ${MOST_SCANS} scans but this one has more.`;
}

/** Counts the scans as the decoder meets them: markers inside of segments, as in a preview, and behind the end are none. */
function countScans(file: Buffer): number {
  let scans = 0;
  // Behind SOI. A marker is 0xff and a byte that is neither 0x00, which stands for 0xff in a scan, nor 0xff, which fills.
  for (let at = 2; at + 1 < file.length; ) {
    const marker = file[at] === 0xff ? (file[at + 1] as number) : 0;
    if (marker === 0xd9) break;
    if (marker === 0x00 || marker === 0x01 || marker === 0xff || (marker >= 0xd0 && marker <= 0xd8)) {
      at++;
      continue;
    }
    if (marker === 0xda) scans++;
    at += 2 + (at + 4 <= file.length ? file.readUInt16BE(at + 2) : 2);
  }
  return scans;
}

/** Types of chunks as numbers: a file may have millions of chunks. */
const ZTXT = 0x7a545874;
const ICCP = 0x69434350;
const ITXT = 0x69545874;

/** Where the compressed part of a text begins: behind its keyword, a zero, and what follows by the type of its chunk. */
function compressedStart(type: number, data: Buffer): number | undefined {
  const end = data.indexOf(0);
  if (end < 0) return undefined;
  if (type !== ITXT) return end + 2;
  if (data[end + 1] !== 1) return undefined;
  const language = data.indexOf(0, end + 3);
  const keyword = language < 0 ? -1 : data.indexOf(0, language + 1);
  return keyword < 0 ? undefined : keyword + 1;
}

function pngProblem(file: Buffer): string | undefined {
  let left = MOST_TEXT_BYTES;
  let texts = 0;
  for (let at = 8, length = 0; at + 12 <= file.length; at += 12 + length) {
    length = file.readUInt32BE(at);
    const type = file.readUInt32BE(at + 4);
    if (type !== ZTXT && type !== ICCP && type !== ITXT) continue;
    const data = file.subarray(at + 8, at + 8 + length);
    const start = compressedStart(type, data);
    if (start === undefined) continue;
    texts++;
    left -= inflatedLength(data.subarray(start), left);
    if (left < 0 || texts > MOST_TEXTS) {
      return `Expected a PNG of at most ${MOST_TEXTS} compressed texts and ${MOST_TEXT_BYTES} bytes in them but this one has more.`;
    }
  }
  return undefined;
}

/** What compressed data inflates to, in bytes, or one more than `most`. */
function inflatedLength(data: Buffer, most: number): number {
  try {
    return inflateSync(data, { maxOutputLength: Math.max(most, 1) }).length;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") return most + 1;
    // Broken data, of which the decoder keeps nothing, but may have inflated 8 MB.
    return Math.min(data.length * 1024, 8 * 1024 * 1024);
  }
}

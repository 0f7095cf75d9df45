import { type Box, boxesOf, Reader } from "./iso-boxes.ts";

/** Frames that one picture of an AVIF file is made of, at most: layered ones have up to four. Each is decoded whole. */
const MOST_FRAMES = 4;

/** Pictures that a grid is made of, at most: 100 megapixels in tiles of 512 x 512, as phones write them, are 400. */
const MOST_TILES = 1024;

/** How many times its own pixels a grid may have in its tiles, of which what stands out is cut off, beside some for small ones. */
const MOST_TILE_SHARE = 2;
const SMALL_PIXELS = 4_194_304;

/** A tile is small with one such share of its grid's pixels. */
const SMALL_SHARE = 16;

/** Types of items that are decoded, or only kept; others are made of further items, many times over if they like. */
const KNOWN_TYPES = new Set(["av01", "grid", "tmap", "Exif", "mime", "uri "]);

/** Types of OBUs that hold a frame (AV1 specification, 6.2.2). */
const FRAME_HEADER = 3;
const FRAME = 6;

interface Item {
  type: string;
  /** Pieces of the file that make up its content. */
  parts: Buffer[];
  /** As the file says; the decoder refuses what turns out to be larger. */
  pixels: number;
}

interface Grid {
  id: number;
  pixels: number;
  tiles: (Item | undefined)[];
}

/** What an AVIF file is made of. */
export interface AvifStructure {
  /** What was expected and what was found, where it would cost far more than its pixels do. */
  problem?: string;
  /** Whether it is a grid of small pictures, which takes as much memory as other formats. */
  tiled: boolean;
}

/**
 * Looks for what would be decoded many times in an AVIF file (ISO/IEC 23008-12, https://aomediacodec.github.io/av1-avif/):
 * pictures of many frames, of which only one is seen, pictures made of others in turn, and grids of very many.
 */
export function avifStructure(file: Buffer): AvifStructure {
  const refused = (problem: string) => ({ problem, tiled: false });
  try {
    const meta = boxesOf(file).find(({ type }) => type === "meta");
    if (meta === undefined) return refused("Expected an AVIF image but there is no picture in the file.");
    const inner = boxesOf(meta.content.subarray(4));
    const items = readItems(file, inner);
    const grids = readGrids(inner, items);
    const problem = itemsProblem(items) ?? gridsProblem(grids);
    if (problem !== undefined) return refused(problem);
    const grid = grids.find(({ id }) => id === primaryOf(inner));
    return { tiled: grid?.tiles.every((tile) => (tile?.pixels ?? 0) * SMALL_SHARE <= grid.pixels) === true };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refused("Expected a whole AVIF image but its boxes are cut off or overlap.");
  }
}

function itemsProblem(items: ReadonlyMap<number, Item>): string | undefined {
  for (const { type, parts } of items.values()) {
    if (!KNOWN_TYPES.has(type))
      return `Expected an AVIF image of type av01 or grid but received ${JSON.stringify(type)}.`;
    if (type !== "av01") continue;
    const frames = countFrames(Buffer.concat(parts));
    if (frames > MOST_FRAMES) {
      return `Expected an AVIF image of at most ${MOST_FRAMES} frames a picture but this one has more.`;
    }
  }
  return undefined;
}

function gridsProblem(grids: readonly Grid[]): string | undefined {
  for (const { tiles, pixels } of grids) {
    if (tiles.length > MOST_TILES)
      return `Expected an AVIF image of at most ${MOST_TILES} tiles but this one has more.`;
    if (tiles.some((tile) => tile?.type !== "av01")) return "Expected an AVIF grid of coded pictures only.";
    const together = tiles.reduce((sum, tile) => sum + (tile?.pixels ?? 0), 0);
    if (together > pixels * MOST_TILE_SHARE + SMALL_PIXELS) {
      return "Expected an AVIF grid about as large as its tiles together but it is far smaller.";
    }
  }
  return undefined;
}

/** The grids, with what each is made of. A tone map, which is not decoded, refers to the picture that it is for as well. */
function readGrids(boxes: readonly Box[], items: ReadonlyMap<number, Item>): Grid[] {
  const iref = boxes.find(({ type }) => type === "iref");
  if (iref === undefined) return [];
  const idSize = iref.content.readUInt8(0) > 0 ? 4 : 2;
  return boxesOf(iref.content.subarray(4)).flatMap(({ type, content }) => {
    const reader = new Reader(content);
    const id = reader.unsigned(idSize);
    const from = items.get(id);
    if (type !== "dimg" || from?.type !== "grid") return [];
    const tiles = Array.from({ length: reader.unsigned(2) }, () => items.get(reader.unsigned(idSize)));
    return [{ id, pixels: from.pixels, tiles }];
  });
}

/** Number of the item that is seen. */
function primaryOf(boxes: readonly Box[]): number | undefined {
  const pitm = boxes.find(({ type }) => type === "pitm");
  if (pitm === undefined) return undefined;
  const reader = new Reader(pitm.content);
  return reader.unsigned(reader.unsigned(4) >>> 24 === 0 ? 2 : 4);
}

function readItems(file: Buffer, boxes: readonly Box[]): Map<number, Item> {
  const types = readTypes(boxes);
  const sizes = readSizes(boxes);
  const items = new Map<number, Item>(
    [...types].map(([id, type]) => [id, { type, parts: [], pixels: sizes.get(id) ?? Number.POSITIVE_INFINITY }]),
  );
  const iloc = boxes.find(({ type }) => type === "iloc");
  if (iloc === undefined) return items;
  const data = boxes.find(({ type }) => type === "idat")?.content ?? Buffer.alloc(0);
  const reader = new Reader(iloc.content);
  const version = reader.unsigned(4) >>> 24;
  const lengths = reader.unsigned(2);
  const [offsetSize, lengthSize, baseSize] = [lengths >> 12, (lengths >> 8) & 15, (lengths >> 4) & 15] as const;
  const indexSize = version > 0 ? lengths & 15 : 0;
  const count = reader.unsigned(version < 2 ? 2 : 4);
  let left = file.length;
  for (let i = 0; i < count; i++) {
    const item = items.get(reader.unsigned(version < 2 ? 2 : 4));
    const method = version > 0 ? reader.unsigned(2) & 15 : 0;
    reader.unsigned(2);
    const base = reader.unsigned(baseSize);
    const extents = reader.unsigned(2);
    for (let j = 0; j < extents; j++) {
      reader.unsigned(indexSize);
      const start = base + reader.unsigned(offsetSize);
      const length = reader.unsigned(lengthSize);
      const whole = method === 0 ? file : data;
      if (method > 1) throw new RangeError("an item within an item");
      const part = whole.subarray(start, length === 0 ? whole.length : start + length);
      // Pieces that are used again and again would make a long item of a short file.
      left -= part.length;
      if (left < 0) throw new RangeError("more in items than in the file");
      item?.parts.push(part);
    }
  }
  return items;
}

function readTypes(boxes: readonly Box[]): Map<number, string> {
  const types = new Map<number, string>();
  const iinf = boxes.find(({ type }) => type === "iinf");
  if (iinf === undefined) return types;
  const wide = iinf.content.readUInt8(0) > 0;
  for (const { type, content } of boxesOf(iinf.content.subarray(wide ? 8 : 6))) {
    if (type !== "infe") continue;
    const reader = new Reader(content);
    const version = reader.unsigned(4) >>> 24;
    const id = reader.unsigned(version === 3 ? 4 : 2);
    reader.unsigned(2);
    types.set(id, reader.text(4));
  }
  return types;
}

/** Pixels of the items that have a size. */
function readSizes(boxes: readonly Box[]): Map<number, number> {
  const properties = boxesOf(boxes.find(({ type }) => type === "iprp")?.content ?? Buffer.alloc(0));
  const known = boxesOf(properties.find(({ type }) => type === "ipco")?.content ?? Buffer.alloc(0));
  const sizes = new Map<number, number>();
  for (const { content } of properties.filter(({ type }) => type === "ipma")) {
    const reader = new Reader(content);
    const head = reader.unsigned(4);
    const count = reader.unsigned(4);
    for (let i = 0; i < count; i++) {
      const id = reader.unsigned(head >>> 24 === 0 ? 2 : 4);
      const associations = reader.unsigned(1);
      for (let j = 0; j < associations; j++) {
        // The highest bit says whether the property must be understood; numbers count from 1.
        const index = (head & 1) === 1 ? reader.unsigned(2) & 0x7fff : reader.unsigned(1) & 0x7f;
        const property = known[index - 1];
        if (property?.type !== "ispe") continue;
        sizes.set(id, property.content.readUInt32BE(4) * property.content.readUInt32BE(8));
      }
    }
  }
  return sizes;
}

/** Counts the frames in a sequence of OBUs (AV1 specification, 5.3); counting ends where there are too many. */
function countFrames(data: Buffer): number {
  let frames = 0;
  for (let at = 0; at < data.length && frames <= MOST_FRAMES; ) {
    const header = data.readUInt8(at);
    const type = (header >> 3) & 15;
    at += (header & 4) === 0 ? 1 : 2;
    if (type === FRAME || type === FRAME_HEADER) frames++;
    if ((header & 2) === 0) break;
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = data.readUInt8(at++);
      if (shift < 35) size += (byte & 127) * 2 ** shift;
      more = byte > 127 && shift < 49;
    }
    at += size;
  }
  return frames;
}

import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { codedPicture, gridContent, writeAvif } from "./avif-files.ts";

interface Scan {
  tables: Buffer;
  header: Buffer;
  data: Buffer;
}

function grey(width: number, height: number) {
  return sharp({ create: { width, height, channels: 3, background: "#808080" } });
}

/** The parts of a JPEG: everything before its first scan but Huffman tables, and its scans. */
function readScans(file: Buffer): { head: Buffer[]; scans: Scan[] } {
  const head = [file.subarray(0, 2)];
  const scans: Scan[] = [];
  let tables: Buffer[] = [];
  for (let at = 2; file[at + 1] !== 0xd9; ) {
    const end = at + 2 + file.readUInt16BE(at + 2);
    const segment = file.subarray(at, end);
    at = end;
    if (segment[1] === 0xc4) tables.push(segment);
    else if (segment[1] !== 0xda) head.push(segment);
    else {
      while (file[at] !== 0xff || file[at + 1] === 0) at++;
      scans.push({ tables: Buffer.concat(tables), header: segment, data: file.subarray(end, at) });
      tables = [];
    }
  }
  return { head, scans };
}

/**
 * A progressive JPEG of a grey image that brings each coefficient bit by bit, as the format allows, in so many scans of some
 * bytes; each is a pass over all pixels.
 */
export async function manyScans(width: number, height: number, count: number): Promise<Buffer> {
  const { head, scans } = readScans(await grey(width, height).jpeg({ progressive: true, quality: 50 }).toBuffer());
  const first = scans[0] as Scan;
  const parts = [...head, first.tables, first.header, first.data];
  const steps = [1, 2, 3].flatMap((component) =>
    Array.from({ length: 63 * 14 }, (_, i) => ({ component, coefficient: 1 + Math.floor(i / 14), bit: 13 - (i % 14) })),
  );
  for (const { component, coefficient, bit } of steps.slice(0, count - 1)) {
    const scan = scans.find(({ header }) => header[4] === 1 && header[5] === component && (header.at(-3) ?? 0) > 0);
    if (scan === undefined) throw new Error("expected a scan of each component");
    const header = Buffer.from(scan.header);
    header.set([coefficient, coefficient, bit === 13 ? 13 : ((bit + 1) << 4) | bit], header.length - 3);
    parts.push(scan.tables, header, scan.data);
  }
  return Buffer.concat([...parts, Buffer.of(0xff, 0xd9)]);
}

function chunk(type: string, data: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

/** A small PNG with so many texts, each of which inflates to `length` bytes. */
export async function manyTexts(type: "zTXt" | "iTXt", count: number, length: number): Promise<Buffer> {
  const file = await grey(32, 32).png().toBuffer();
  const text = deflateSync(Buffer.alloc(length, "A"), { level: 9 });
  const between = type === "zTXt" ? "\0\0" : "\0\x01\0\0\0";
  const texts = Array.from({ length: count }, (_, i) =>
    chunk(type, Buffer.concat([Buffer.from(`k${i}${between}`, "latin1"), text])),
  );
  return Buffer.concat([file.subarray(0, 33), ...texts, file.subarray(33)]);
}

/** An AVIF whose one picture is so many frames. */
export async function manyFrames(width: number, height: number, count: number): Promise<Buffer> {
  const { content, av1C } = await codedPicture(width, height);
  const repeated = Buffer.concat(Array.from({ length: count }, () => content));
  return writeAvif([{ type: "av01", content: repeated, width, height }], av1C);
}

/** An AVIF grid of so many tiles, each as large as given, of which only `seen` pixels are kept. */
export async function manyTiles(
  [rows, columns]: [number, number],
  tile: number,
  [width, height]: [number, number],
): Promise<Buffer> {
  const { content, av1C } = await codedPicture(tile, tile);
  const from = Array.from({ length: rows * columns }, () => 2);
  return writeAvif(
    [
      { type: "grid", content: gridContent(rows, columns, width, height), width, height, from },
      { type: "av01", content, width: tile, height: tile },
    ],
    av1C,
  );
}

/** An AVIF that is made of one picture in another way. */
export async function derived(type: string, width: number, height: number): Promise<Buffer> {
  const { content, av1C } = await codedPicture(width, height);
  return writeAvif(
    [
      { type, content: Buffer.alloc(0), width, height, from: [2] },
      { type: "av01", content, width, height },
    ],
    av1C,
  );
}

import { crc32, deflateSync, gzipSync } from "node:zlib";
import sharp from "sharp";
import type { Seed } from "./fuzz-images.ts";
import { blocks } from "./generate.ts";

type Chunk = [name: string, content: Buffer];

/** Bytes that something small becomes when it is unpacked. */
const UNPACKED = 150_000_000;

/** Small files of few pixels that cost much memory or time to read for those who are not careful. */
export async function makeBombs(): Promise<Seed[]> {
  const zeros = deflateSync(Buffer.alloc(UNPACKED), { level: 1 });
  const latin1 = (text: string) => Buffer.from(text, "latin1");
  const packed = Buffer.concat([latin1("a\0\0"), zeros]);
  const pixels: Chunk = ["IDAT", deflateSync(Buffer.alloc(10 * 31))];
  return [
    { name: "png, more pixels than it says", file: png([["IDAT", zeros]]) },
    { name: "png, text", file: png([["zTXt", packed], pixels]) },
    { name: "png, colour profile", file: png([["iCCP", packed], pixels]) },
    { name: "png, 200,000 texts", file: png([...Array<Chunk>(200_000).fill(["tEXt", latin1("a\0b")]), pixels]) },
    { name: "jpeg, 20,000 scans", file: await manyScans(20_000) },
    { name: "jpeg, 20 MB before the image", file: Buffer.concat([latin1("\xff\xd8"), ...Array(300).fill(comment())]) },
    {
      name: "gif, 200,000 frames",
      file: latin1(
        `GIF89a\x09\0\x09\0\x80\0\0\0\0\0\xff\xff\xff${"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0".repeat(200_000)};`,
      ),
    },
    { name: "tiff, directories in a circle", file: await circle() },
  ];
}

/** A body of an inference that is small only as it is sent. */
export function packedBody(): Buffer {
  return gzipSync(Buffer.alloc(UNPACKED), { level: 1 });
}

/** A PNG of 10 x 10 pixels with the given chunks. */
function png(chunks: readonly Chunk[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(10, 0);
  header.writeUInt32BE(10, 4);
  header.set([8, 2], 8);
  const whole = ([name, content]: Chunk): Buffer => {
    const named = Buffer.concat([Buffer.from(name), content]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(content.length, 0);
    ends.writeUInt32BE(crc32(named), 4);
    return Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)]);
  };
  const all: Chunk[] = [["IHDR", header], ...chunks, ["IEND", Buffer.alloc(0)]];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...all.map(whole)]);
}

/** A progressive JPEG whose last scan comes again and again, and refines the whole image each time. */
async function manyScans(times: number): Promise<Buffer> {
  const side = 1000;
  const file = await sharp(blocks(side, side, 3), { raw: { width: side, height: side, channels: 3 } })
    .jpeg({ progressive: true, quality: 30 })
    .toBuffer();
  const last = file.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scan = file.subarray(last, -2);
  const most = Math.min(times, Math.floor(15_000_000 / scan.length));
  return Buffer.concat([file.subarray(0, -2), ...Array<Buffer>(most).fill(scan), file.subarray(-2)]);
}

/** The largest comment of a JPEG. */
function comment(): Buffer {
  return Buffer.concat([Buffer.from([0xff, 0xfe, 0xff, 0xff]), Buffer.alloc(0xffff - 2)]);
}

/** A TIFF whose first directory is also its next. */
async function circle(): Promise<Buffer> {
  const file = await sharp(blocks(10, 10, 3), { raw: { width: 10, height: 10, channels: 3 } })
    .tiff({ compression: "none" })
    .toBuffer();
  const directory = file.readUInt32LE(4);
  file.writeUInt32LE(directory, directory + 2 + 12 * file.readUInt16LE(directory));
  return file;
}

import { crc32 } from "node:zlib";
import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { blocks } from "./generate.ts";

/** A file to damage. */
export interface Seed {
  name: string;
  file: Buffer;
}

const WIDTH = 24;
const HEIGHT = 18;

/** Small images of all six formats, in the variants that have readers of their own, and files of other kinds. */
export async function makeSeeds(): Promise<{ images: Seed[]; others: Seed[] }> {
  const rgb = () => sharp(blocks(WIDTH, HEIGHT, 3), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
  const frames = () => {
    return sharp(Buffer.concat([blocks(WIDTH, HEIGHT, 3), blocks(WIDTH, HEIGHT, 4), blocks(WIDTH, HEIGHT, 5)]), {
      raw: { width: WIDTH, height: 3 * HEIGHT, channels: 3, pageHeight: HEIGHT },
    });
  };
  const made: Record<string, Sharp> = {
    jpeg: rgb().jpeg(),
    "jpeg progressive": rgb().jpeg({ progressive: true, chromaSubsampling: "4:4:4" }),
    "jpeg sideways": rgb()
      .withExif({ IFD0: { Artist: "a" } })
      .withMetadata({ orientation: 6 })
      .jpeg(),
    "jpeg grey": rgb().greyscale().jpeg(),
    "jpeg cmyk": rgb().toColourspace("cmyk").jpeg(),
    png: rgb().png(),
    "png interlaced": rgb().png({ progressive: true }),
    "png palette": rgb().png({ palette: true }),
    "png 16 bits, alpha": rgb().ensureAlpha(0.5).toColourspace("rgb16").png(),
    webp: rgb().webp(),
    "webp lossless": rgb().webp({ lossless: true }),
    "webp alpha": rgb().ensureAlpha(0.5).webp(),
    "webp animated": frames().webp({ loop: 0 }),
    gif: rgb().gif(),
    "gif animated": frames().gif({ delay: [10, 20, 30] }),
    avif: rgb().avif({ effort: 0 }),
    "avif alpha": rgb().ensureAlpha(0.5).avif({ effort: 0 }),
    tiff: rgb().tiff({ compression: "none" }),
    "tiff lzw": rgb().tiff({ compression: "lzw", predictor: "horizontal" }),
    "tiff deflate": rgb().tiff({ compression: "deflate" }),
    "tiff jpeg": rgb().tiff({ compression: "jpeg" }),
    "tiff packbits": rgb().tiff({ compression: "packbits" }),
    "tiff fax": rgb().greyscale().threshold().toColourspace("b-w").tiff({ compression: "ccittfax4", bitdepth: 1 }),
    "tiff tiled, pyramid": rgb().tiff({ tile: true, tileWidth: 16, tileHeight: 16, pyramid: true }),
  };
  const images = await Promise.all(
    Object.entries(made).map(async ([name, image]) => ({ name, file: await image.toBuffer() })),
  );
  const text = (name: string, content: string) => ({ name, file: Buffer.from(content, "latin1") });
  const others = [
    text("nothing", ""),
    text("zeros", "\0".repeat(300)),
    text(
      "svg",
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>',
    ),
    text("pdf", "%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>"),
    text("bmp", `BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\x18\0${"\0".repeat(32)}`),
    text("heic", `\0\0\0\x18ftypheic\0\0\0\0mif1heic${"\0".repeat(64)}`),
    text("jpeg xl", `\xff\x0a${"\0".repeat(64)}`),
    text("zip", `PK\x03\x04${"\0".repeat(26)}PK\x05\x06${"\0".repeat(18)}`),
    text("html", "<!doctype html><script>alert(1)</script>"),
    text("elf", `\x7fELF\x02\x01\x01${"\0".repeat(57)}`),
    text("json", '{"image":"data:image/png;base64,iVBORw0KGgo="}'),
  ];
  return { images, others };
}

/** Ways to damage a file. Places near its begin are likelier: headers decide most. */
export function damage(seeds: readonly Seed[]): fc.Arbitrary<(file: Buffer) => Buffer> {
  const place = fc.oneof(fc.nat(48), fc.nat(400), fc.nat(8000));
  const change = (write: (copy: Buffer, at: number) => void) => (file: Buffer, at: number) => {
    const copy = Buffer.from(file);
    if (copy.length > 0) write(copy, at % copy.length);
    return copy;
  };
  const edge = fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff);
  return fc.oneof(
    place.map((at) => (file: Buffer) => file.subarray(0, at % (file.length + 1))),
    fc.tuple(place, fc.nat(7)).map(
      ([at, bit]) =>
        (file: Buffer) =>
          change((copy, i) => copy.writeUInt8((copy[i] ?? 0) ^ (1 << bit), i))(file, at),
    ),
    fc.tuple(place, fc.nat(255)).map(
      ([at, byte]) =>
        (file: Buffer) =>
          change((copy, i) => copy.writeUInt8(byte, i))(file, at),
    ),
    fc.tuple(place, edge, fc.constantFrom(1, 2, 4), fc.boolean()).map(
      ([at, value, width, big]) =>
        (file: Buffer) =>
          change((copy, i) => {
            const bytes = Buffer.alloc(8);
            if (big) bytes.writeUInt32BE(value, 4);
            else bytes.writeUInt32LE(value);
            (big ? bytes.subarray(8 - width) : bytes.subarray(0, width)).copy(copy, i);
          })(file, at),
    ),
    fc.tuple(place, fc.uint8Array({ maxLength: 40 })).map(([at, bytes]) => (file: Buffer) => {
      const i = at % (file.length + 1);
      return Buffer.concat([file.subarray(0, i), bytes, file.subarray(i)]);
    }),
    fc.tuple(place, fc.nat(300)).map(([at, count]) => (file: Buffer) => {
      const i = at % (file.length + 1);
      return Buffer.concat([file.subarray(0, i), file.subarray(i + count)]);
    }),
    fc.tuple(place, fc.nat(200), fc.integer({ min: 1, max: 50 })).map(([at, length, times]) => (file: Buffer) => {
      const i = at % (file.length + 1);
      const part = file.subarray(i, i + length);
      return Buffer.concat([file.subarray(0, i), ...Array<Buffer>(times).fill(part), file.subarray(i)]);
    }),
    // Another file's end behind this one's begin, and whole files behind each other.
    fc.tuple(place, place, fc.nat(seeds.length - 1)).map(([at, from, index]) => (file: Buffer) => {
      const other = seeds[index]?.file ?? Buffer.alloc(0);
      return Buffer.concat([file.subarray(0, at % (file.length + 1)), other.subarray(from % (other.length + 1))]);
    }),
    fc.nat(seeds.length - 1).map((index) => (file: Buffer) => {
      return Buffer.concat([file, seeds[index]?.file ?? Buffer.alloc(0)]);
    }),
  );
}

/** A copy of an image whose header claims another size; its checksums are right. */
export function claim({ name, file }: Seed, width: number, height: number): Buffer {
  const copy = Buffer.from(file);
  const find = (text: string) => {
    const at = copy.indexOf(text, 0, "latin1");
    if (at < 0) throw new Error(`expected ${JSON.stringify(text)} in the ${name}`);
    return at;
  };
  switch (name.split(" ")[0]) {
    case "png":
      copy.writeUInt32BE(width, 16);
      copy.writeUInt32BE(height, 20);
      copy.writeUInt32BE(crc32(copy.subarray(12, 29)), 29);
      break;
    case "gif": {
      const frame = find("\x2c\0\0\0\0");
      for (const at of [6, frame + 5]) {
        copy.writeUInt16LE(width & 0xffff, at);
        copy.writeUInt16LE(height & 0xffff, at + 2);
      }
      break;
    }
    case "webp":
      claimWebp(copy, width, height);
      break;
    case "avif":
      for (let at = find("ispe"); at >= 0; at = copy.indexOf("ispe", at + 1)) {
        copy.writeUInt32BE(width, at + 8);
        copy.writeUInt32BE(height, at + 12);
      }
      break;
    case "tiff":
      claimTiff(copy, width, height);
      break;
    default: {
      const frame = ["\xff\xc0\0", "\xff\xc2\0"]
        .map((marker) => copy.indexOf(marker, 0, "latin1"))
        .find((at) => at > 0);
      copy.writeUInt16BE(height & 0xffff, (frame ?? 0) + 5);
      copy.writeUInt16BE(width & 0xffff, (frame ?? 0) + 7);
    }
  }
  return copy;
}

function claimWebp(copy: Buffer, width: number, height: number): void {
  switch (copy.toString("latin1", 12, 16)) {
    case "VP8X":
      copy.writeUIntLE((width - 1) & 0xffffff, 24, 3);
      copy.writeUIntLE((height - 1) & 0xffffff, 27, 3);
      return;
    case "VP8L":
      copy.writeUInt32LE((((width - 1) & 0x3fff) | (((height - 1) & 0x3fff) << 14)) >>> 0, 21);
      return;
    default:
      copy.writeUInt16LE(width & 0x3fff, 26);
      copy.writeUInt16LE(height & 0x3fff, 28);
  }
}

/** Every directory's width and length; the encoder writes little-endian. */
function claimTiff(copy: Buffer, width: number, height: number): void {
  const directory = copy.readUInt32LE(4);
  const count = copy.readUInt16LE(directory);
  for (let at = directory + 2; at < directory + 2 + 12 * count; at += 12) {
    const tag = copy.readUInt16LE(at);
    if (tag !== 256 && tag !== 257) continue;
    copy.writeUInt16LE(4, at + 2);
    copy.writeUInt32LE(tag === 256 ? width : height, at + 8);
  }
}

import sharp from "sharp";

/** A box of an ISO base media file. */
function box(type: string, ...content: Buffer[]): Buffer {
  const length = 8 + content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([u32(length), Buffer.from(type, "latin1"), ...content]);
}

const u8 = (...values: number[]) => Buffer.from(values);
const u16 = (...values: number[]) => Buffer.concat(values.map((value) => Buffer.of(value >> 8, value & 255)));
const u32 = (...values: number[]) => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
};

/** An item of a file to be: a coded picture, or one made of others. */
export interface AvifItem {
  type: string;
  content: Buffer;
  width: number;
  height: number;
  /** Numbers of the items that it is made of. */
  from?: number[];
}

/** The coded picture of a grey image, its item's content and its configuration. */
export async function codedPicture(width: number, height: number): Promise<{ content: Buffer; av1C: Buffer }> {
  const file = await sharp({ create: { width, height, channels: 3, background: "#808080" } })
    .avif({ effort: 0, chromaSubsampling: "4:2:0" })
    .toBuffer();
  const start = file.indexOf("mdat") + 4;
  const at = file.indexOf("av1C") - 4;
  return { content: file.subarray(start), av1C: file.subarray(at, at + file.readUInt32BE(at)) };
}

/** The content of a grid. */
export function gridContent(rows: number, columns: number, width: number, height: number): Buffer {
  return Buffer.concat([u8(0, 1, rows - 1, columns - 1), u32(width, height)]);
}

/** Writes an AVIF file whose item number 1 is seen; items count from 1. */
export function writeAvif(items: readonly AvifItem[], av1C: Buffer): Buffer {
  const ftyp = box("ftyp", Buffer.from("avif\0\0\0\0avifmif1miaf", "latin1"));
  const meta = (start: number) => {
    let at = start;
    const places = items.map(({ content }, i) => {
      const place = Buffer.concat([u16(i + 1, 0, 1), u32(at, content.length)]);
      at += content.length;
      return place;
    });
    const entries = items.map(({ type }, i) => box("infe", u32(2 << 24), u16(i + 1, 0), Buffer.from(`${type}\0`)));
    const pixi = box("pixi", u32(0), u8(3, 8, 8, 8));
    const sizes = items.map(({ width, height }) => box("ispe", u32(0, width, height)));
    const associations = items.map((_item, i) => Buffer.concat([u16(i + 1), u8(3), u16(0x8001, 2, i + 3)]));
    const references = items.flatMap(({ from }, i) =>
      from === undefined ? [] : [box("dimg", u16(i + 1, from.length, ...from))],
    );
    return box(
      "meta",
      u32(0),
      box("hdlr", u32(0, 0), Buffer.from("pict"), u32(0, 0, 0), u8(0)),
      box("pitm", u32(0), u16(1)),
      box("iloc", u32(0), u16(0x4400, items.length), ...places),
      box("iinf", u32(0), u16(items.length), ...entries),
      ...(references.length === 0 ? [] : [box("iref", u32(0), ...references)]),
      box("iprp", box("ipco", av1C, pixi, ...sizes), box("ipma", u32(1), u32(items.length), ...associations)),
    );
  };
  const start = ftyp.length + meta(0).length + 8;
  return Buffer.concat([ftyp, meta(start), box("mdat", ...items.map(({ content }) => content))]);
}

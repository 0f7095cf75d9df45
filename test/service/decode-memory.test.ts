import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp, { type Metadata, type Sharp } from "sharp";
import { DECODING } from "../../service/contract.ts";
import { RequestError } from "../../service/src/errors.ts";
import { decodeImage } from "../../service/src/vision/decode.ts";
import { pixelWeight } from "../../service/src/vision/pixel-weight.ts";
import { manyScans, manyTiles } from "./decode-bombs.ts";

const WIDTH = 4000;
const HEIGHT = 3000;
const PIXELS = WIDTH * HEIGHT;

const photo = () => sharp(join(import.meta.dirname, "../../samples/street.jpg")).resize(WIDTH, HEIGHT, { fit: "fill" });
const turned = () => photo().withMetadata({ orientation: 6 });
const fast = { compressionLevel: 1 } as const;
const quick = { effort: 0 } as const;

/** For each way to write an image that takes much memory, how often its pixels count. */
const IMAGES: [name: string, image: () => Sharp | Promise<Buffer>, weight: number][] = [
  ["JPEG as phones write it", () => turned().jpeg(), 1],
  ["progressive JPEG with 4:4:4", () => turned().jpeg({ progressive: true, chromaSubsampling: "4:4:4" }), 1],
  ["progressive JPEG of CMYK", () => turned().toColourspace("cmyk").jpeg({ progressive: true }), 1],
  ["JPEG of 64 scans", () => manyScans(WIDTH, HEIGHT, 64), 1],
  ["PNG", () => photo().png(fast), 1],
  [
    "PNG, interlaced, with alpha",
    () =>
      turned()
        .ensureAlpha(0.5)
        .png({ ...fast, progressive: true }),
    1,
  ],
  [
    "PNG, interlaced, with alpha, of 16 bits",
    () =>
      turned()
        .ensureAlpha(0.5)
        .toColourspace("rgb16")
        .png({ ...fast, progressive: true }),
    2,
  ],
  ["GIF", () => photo().gif({ effort: 1 }), 1],
  [
    "TIFF in one tile",
    () => turned().tiff({ compression: "deflate", tile: true, tileWidth: 4000, tileHeight: 3008 }),
    1,
  ],
  ["WebP", () => turned().webp(quick), 1],
  ["WebP with alpha", () => turned().ensureAlpha(0.5).webp(quick), 2],
  ["AVIF as sharp writes it", () => turned().avif(quick), 2],
  ["AVIF in tiles, as phones write it", () => manyTiles([6, 8], 512, [WIDTH, HEIGHT]), 1],
  ["AVIF with alpha", () => turned().ensureAlpha(0.5).avif(quick), 3],
];

describe("pixelWeight", () => {
  it("goes by channels and the bytes of each, as the decoder keeps them", () => {
    const weigh = (format: string, channels: number, depth: string) =>
      pixelWeight({ format, channels, depth, hasAlpha: channels % 2 === 0 } as Metadata, false);
    assert.equal(weigh("tiff", 3, "uchar").weight, 1);
    assert.deepEqual(weigh("tiff", 4, "float"), { weight: 3, reason: "4 channels of 32 bits" });
    assert.equal(weigh("tiff", 5, "double").weight, 7);
    assert.equal(weigh("heif", 3, "ushort").weight, 3);
  });
});

describe("the memory of decoding", () => {
  let folder: string;
  before(async function () {
    // Only Linux says how much a process holds.
    if (!existsSync("/proc/self/status")) this.skip();
    folder = await mkdtemp(join(tmpdir(), "yolo-decode-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const [name, image, weight] of IMAGES) {
    it(`is at most ${weight * DECODING.bytesPerPixel} bytes a pixel for ${name}, which count ${weight}`, async () => {
      const made = image();
      const file = await (made instanceof sharp ? (made as Sharp).toBuffer() : made);
      await assert.rejects(decodeImage(file, PIXELS * weight - 1), (error: unknown) => {
        assert.ok(error instanceof RequestError && error.code === "YOLO_IMAGE_TOO_LARGE", String(error));
        assert.equal(error.message.includes(`counts ${weight} times`), weight > 1);
        return true;
      });
      const path = join(folder, "image");
      await writeFile(path, file);
      const program = join(import.meta.dirname, "decode-memory.ts");
      const { stdout } = await promisify(execFile)(process.execPath, [program, path]);
      const { bytes, width, height } = JSON.parse(stdout) as { bytes: number; width: number; height: number };
      assert.equal(width * height, PIXELS);
      const most = weight * DECODING.bytesPerPixel * PIXELS;
      assert.ok(bytes <= most, `${(bytes / PIXELS).toFixed(1)} bytes a pixel`);
    });
  }
});

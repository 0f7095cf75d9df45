import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { RequestError } from "../../service/src/errors.ts";
import { decodeImage, isImage } from "../../service/src/vision/decode.ts";
import { selectFinished, selectRaw } from "../../service/src/vision/nms.ts";
import { headOutput, noise } from "./generate.ts";
import { FIXTURES, readGoldens, sha256 } from "./support.ts";

const GOLDENS = readGoldens();
const PIXEL_LIMIT = 1_000_000;

function codeOf(code: string) {
  return (error: unknown) => error instanceof RequestError && error.code === code;
}

describe("selectRaw", () => {
  for (const golden of GOLDENS.suppression) {
    const { seed, classes, anchors, share, selection } = golden;
    it(`keeps ${golden.count} of ${anchors} boxes of ${classes} classes (${JSON.stringify(selection)}), as the reference does`, () => {
      const head = { data: headOutput(seed, classes, anchors, share), classes, extra: 0 };
      const found = selectRaw(head, { conf: 0.25, iou: 0.7, maxDet: 300, ...selection });
      const bytes = Buffer.from(golden.detections, "base64");
      const expected = new Float32Array(new Uint8Array(bytes).buffer);
      assert.equal(found.length, golden.count * 6);
      assert.deepEqual(found, expected);
    });
  }

  it("takes no score that is not a number for a detection", () => {
    const head = { data: new Float32Array(5 * 4).fill(Number.NaN), classes: 1, extra: 0 };
    assert.equal(selectRaw(head, { conf: 0.01, iou: 0.7, maxDet: 300 }).length, 0);
  });
});

describe("selectFinished", () => {
  const row = (score: number, index: number) => [1, 2, 3, 4, score, index];
  const data = Float32Array.from([row(0.9, 1), row(0.8, 0), row(0.7, 1), row(0.25, 1), row(0.1, 0)].flat());
  const head = { data, classes: 2, extra: 0 };

  it("drops what is not above the threshold", () => {
    assert.equal(selectFinished(head, { conf: 0.25, iou: 0.7, maxDet: 300 }).length, 3 * 6);
  });

  it("filters classes after the limit, so that a filter never brings up weaker detections", () => {
    const found = selectFinished(head, { conf: 0.25, iou: 0.7, maxDet: 2, classes: [1] });
    assert.deepEqual(found, Float32Array.from(row(0.9, 1)));
  });
});

describe("decodeImage", () => {
  it("reads a JPEG that lies on its side as OpenCV does, bit for bit", async () => {
    const { file, size, sha256: expected } = GOLDENS.photo;
    const { data, width, height } = await decodeImage(readFileSync(join(FIXTURES, file)), PIXEL_LIMIT);
    assert.deepEqual([width, height], size);
    assert.equal(sha256(data), expected);
  });

  const base = () => sharp(noise(40, 30, 1), { raw: { width: 40, height: 30, channels: 3 } });
  for (const format of ["jpeg", "png", "webp", "avif", "tiff", "gif"] as const) {
    it(`reads ${format}`, async () => {
      const { data, width, height } = await decodeImage(await base().toFormat(format).toBuffer(), PIXEL_LIMIT);
      assert.deepEqual([width, height, data.length], [40, 30, 40 * 30 * 3]);
    });

    it(`refuses ${format} that is cut short`, async () => {
      const file = await base().toFormat(format).toBuffer();
      await assert.rejects(
        decodeImage(file.subarray(0, file.length * 0.7), PIXEL_LIMIT),
        codeOf("YOLO_IMAGE_UNREADABLE"),
      );
    });
  }

  it("reads images with one, two and four channels, with 16 bits and with CMYK as 8-bit RGB", async () => {
    const files = [
      base().greyscale().png(),
      base().greyscale().ensureAlpha(0.5).png(),
      base().ensureAlpha(0.5).png(),
      base().toColourspace("rgb16").png(),
      base().toColourspace("cmyk").jpeg(),
    ];
    for (const file of files) {
      const { data } = await decodeImage(await file.toBuffer(), PIXEL_LIMIT);
      assert.equal(data.length, 40 * 30 * 3);
    }
  });

  it("brings a large photo to the size that is wanted while it decodes, upright, and leaves a small one as it is", async () => {
    const photo = await base().resize(400, 300).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    const half = await decodeImage(photo, PIXEL_LIMIT, (width, height) => {
      assert.deepEqual([width, height], [300, 400]);
      return { scaledWidth: 75, scaledHeight: 100 };
    });
    assert.deepEqual([half.width, half.height, half.sentWidth, half.sentHeight], [75, 100, 300, 400]);
    const small = await decodeImage(photo, PIXEL_LIMIT, () => ({ scaledWidth: 600, scaledHeight: 800 }));
    assert.deepEqual([small.width, small.height], [300, 400]);
  });

  it("takes an image at the limit of pixels, and refuses one above it without decoding", async () => {
    const file = await base().png().toBuffer();
    await decodeImage(file, 1200);
    await assert.rejects(decodeImage(file, 1199), codeOf("YOLO_IMAGE_TOO_LARGE"));
  });

  it("does not open formats that are no photos", () => {
    for (const text of [
      "<svg xmlns='http://www.w3.org/2000/svg'/>",
      "%PDF-1.7",
      "P6 1 1 255 abc",
      "",
      "\xff\xd8",
      "RIFF0000AVI ",
    ]) {
      assert.equal(isImage(Buffer.from(text, "latin1")), false, text);
    }
  });
});

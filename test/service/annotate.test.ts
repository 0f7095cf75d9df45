import assert from "node:assert/strict";
import sharp from "sharp";
import { type Detection, DRAWING } from "../../service/contract.ts";
import { annotate, LONGEST_DRAWN } from "../../service/src/annotate.ts";
import { lettering } from "../../service/src/lettering.ts";

const GREY = { r: 128, g: 128, b: 128 };

function detection(x1: number, y1: number, x2: number, y2: number, name = "car"): Detection {
  return { class: 0, name, confidence: 0.9, box: { x1, y1, x2, y2 } };
}

async function pixels(photo: Buffer) {
  const { data, info } = await sharp(photo).raw().toBuffer({ resolveWithObject: true });
  return {
    info,
    at: (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)],
  };
}

function isReddish([red = 0, green = 0]: number[]): boolean {
  return red - green > 60;
}

describe("annotate", function () {
  this.timeout(20_000);
  const photo = () => sharp({ create: { width: 200, height: 160, channels: 3, background: GREY } });

  it("draws the outline of a box and leaves the rest of the photo alone", async () => {
    const { at } = await pixels(await annotate(await photo().png().toBuffer(), [detection(50, 60, 150, 120)]));
    for (const [x, y] of [
      [100, 120],
      [150, 90],
      [50, 90],
    ] as const)
      assert.ok(isReddish(at(x, y)), `${x}, ${y}: ${at(x, y)}`);
    for (const [x, y] of [
      [10, 150],
      [190, 10],
      [100, 140],
    ] as const)
      assert.ok(!isReddish(at(x, y)), `${x}, ${y}: ${at(x, y)}`);
  });

  it("writes the label without any font of the system", async () => {
    const tag = { left: 50, top: 40, width: 60, height: 18 };
    const drawn = await annotate(await photo().png().toBuffer(), [detection(50, 60, 150, 120)]);
    const { channels } = await sharp(await sharp(drawn).extract(tag).toBuffer()).stats();
    assert.ok((channels[0]?.min ?? 255) < 130, "dark strokes on the bright tag");
    assert.ok((channels[0]?.max ?? 0) > 200, "a bright tag");
  });

  it("keeps the label inside the photo", async () => {
    const drawn = await annotate(await photo().png().toBuffer(), [detection(150, 0, 200, 160, "a rather long name")]);
    const { info, at } = await pixels(drawn);
    assert.deepEqual([info.width, info.height], [200, 160]);
    assert.ok(isReddish(at(198, 3)));
  });

  it("draws on the upright photo when the file lies on its side", async () => {
    const sideways = await photo().jpeg().withMetadata({ orientation: 6 }).toBuffer();
    const { info, at } = await pixels(await annotate(sideways, [detection(20, 60, 140, 180)]));
    assert.deepEqual([info.width, info.height], [160, 200]);
    assert.ok(isReddish(at(80, 180)));
  });

  it("draws a photo at the limits in its own size, and a larger one smaller, in its own shape", async () => {
    const drawnSize = async (width: number, height: number) => {
      const large = sharp({ create: { width, height, channels: 3, background: GREY } });
      const { info, at } = await pixels(await annotate(await large.png().toBuffer(), [detection(0, 0, width, height)]));
      assert.ok(
        isReddish(at(info.width - 1, info.height - 1)),
        "the corner of the box is in the corner of the drawing",
      );
      return [info.width, info.height];
    };
    assert.deepEqual(await drawnSize(LONGEST_DRAWN, 10), [LONGEST_DRAWN, 10]);
    assert.deepEqual(await drawnSize(2 * LONGEST_DRAWN, 10), [LONGEST_DRAWN, 5]);
    assert.deepEqual(await drawnSize(3, LONGEST_DRAWN + 1), [2, LONGEST_DRAWN]);
    assert.deepEqual(await drawnSize(1, 200_000), [1, LONGEST_DRAWN]);
    const width = 4_000;
    const height = Math.floor(DRAWING.mostPixels / width);
    assert.deepEqual(await drawnSize(width, height), [width, height]);
    assert.deepEqual(await drawnSize(2 * width, 2 * height), [width, height]);
  });

  it("draws names with characters that mean something in SVG, and ones that no font has", async () => {
    const names = ["<b>&amp;\"'", "人 🚗", ""];
    const drawn = await annotate(
      await photo().png().toBuffer(),
      names.map((name) => detection(10, 60, 90, 90, name)),
    );
    assert.equal((await sharp(drawn).metadata()).format, "jpeg");
  });
});

describe("lettering", () => {
  it("has a glyph of its own for every letter and digit", () => {
    const texts = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"].map(
      (letter) => lettering(letter).paths,
    );
    assert.equal(new Set([...texts, lettering("\u4eba").paths]).size, 63);
  });
});

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { type ErrorResponse, PATHS } from "../../service/contract.ts";
import { RequestError } from "../../service/src/errors.ts";
import { decodeImage } from "../../service/src/vision/decode.ts";
import { derived, manyFrames, manyScans, manyTexts, manyTiles } from "./decode-bombs.ts";
import { blocks } from "./generate.ts";
import { Server } from "./server-process.ts";
import { environment, png } from "./support.ts";

const PIXELS = 50_000_000;

const refusal = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof RequestError && error.code === code && message.test(error.message);

/** Small files that cost the decoder seconds and gigabytes, and what the refusal says. */
const BOMBS: [name: string, make: () => Promise<Buffer>, message: RegExp][] = [
  ["a JPEG of 2,600 scans", () => manyScans(7000, 7100, 2600), /at most 64 scans/],
  ["a PNG of texts that inflate to 800 MB", () => manyTexts("zTXt", 100, 7_900_000), /16777216 bytes/],
  ["the same as international texts", () => manyTexts("iTXt", 100, 7_900_000), /16777216 bytes/],
  ["a PNG of a thousand compressed texts", () => manyTexts("zTXt", 1000, 10), /at most 256 compressed texts/],
  ["an AVIF of fifty frames", () => manyFrames(4000, 3000, 50), /at most 4 frames/],
  ["an AVIF grid that cuts off nearly all of its tiles", () => manyTiles([16, 16], 2048, [2048, 2048]), /far smaller/],
  ["an AVIF grid of thousands of tiles", () => manyTiles([64, 64], 64, [4096, 4096]), /at most 1024 tiles/],
  ["an AVIF of a picture of a picture", () => derived("iden", 64, 64), /av01 or grid but received "iden"/],
];

describe("decodeImage", () => {
  for (const [name, make, message] of BOMBS) {
    it(`refuses ${name}, at once`, async () => {
      const file = await make();
      const start = performance.now();
      await assert.rejects(decodeImage(file, PIXELS), refusal("YOLO_IMAGE_UNREADABLE", message));
      const took = performance.now() - start;
      assert.ok(took < 1000, `${took} ms`);
    });
  }

  it("takes what real encoders write in the same ways", async () => {
    for (const file of [
      await manyScans(640, 480, 64),
      await manyTexts("zTXt", 20, 100_000),
      await manyTexts("iTXt", 20, 100_000),
      await manyFrames(640, 480, 2),
      await manyTiles([2, 3], 64, [180, 120]),
    ]) {
      await decodeImage(file, PIXELS);
    }
  });

  it("does not count scans of a preview, or of what follows the image", async () => {
    const file = await sharp(blocks(64, 64, 3), { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer();
    const scans = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.of(0xff, 0xda)));
    const preview = Buffer.concat([Buffer.of(0xff, 0xe5, 0x07, 0xd2), scans]);
    const whole = Buffer.concat([file.subarray(0, 2), preview, file.subarray(2), scans]);
    const { width } = await decodeImage(whole, PIXELS);
    assert.equal(width, 64);
  });

  it("refuses an image that is long and thin, of which each pixel takes long", async () => {
    const line = (width: number, height: number) =>
      sharp({ create: { width, height, channels: 3, background: "#808080" } })
        .png()
        .toBuffer();
    const message = /at most 65535 pixels a side but received 1 x 65536/;
    await assert.rejects(decodeImage(await line(1, 65_536), PIXELS), refusal("YOLO_IMAGE_TOO_LARGE", message));
    assert.equal((await decodeImage(await line(65_535, 1), PIXELS)).width, 65_535);
  });

  it("decodes only the first frame of an animation", async () => {
    const frames = { raw: { width: 100, height: 6000, channels: 3, pageHeight: 100 } } as const;
    const animation = sharp(Buffer.concat([Buffer.alloc(30_000, 200), Buffer.alloc(1_770_000, 9)]), frames);
    for (const file of [await animation.clone().gif().toBuffer(), await animation.clone().webp().toBuffer()]) {
      const { width, height, data } = await decodeImage(file, 10_000);
      assert.deepEqual([width, height], [100, 100]);
      assert.ok(data.every((value) => value > 190));
    }
  });
});

describe("a service that is sent such images", () => {
  let server: Server;
  let url: string;
  before(async () => {
    server = new Server(environment("raw", { LOG_LEVEL: "info", WORKERS: "2", THREADS: "2" }));
    url = await server.ready();
  });
  after(async () => {
    server.process.kill("SIGKILL");
    await server.exit;
  });

  it("answers others meanwhile, stays alive, and loses no worker", async () => {
    const good = await png(blocks(100, 80, 21), 100, 80);
    const bad = await Promise.all(BOMBS.map(([, make]) => make()));
    const post = async (body: Buffer) => {
      const headers = { "content-type": "application/octet-stream" };
      const answer = await fetch(url + PATHS.predict, { method: "POST", headers, body: new Uint8Array(body) });
      const text = await answer.text();
      return answer.ok ? "good" : (JSON.parse(text) as ErrorResponse).error.code;
    };
    const refused = Promise.all([...bad, ...bad].map(post));
    for (let i = 0; i < 20; i++) {
      const start = performance.now();
      const [answer, live] = await Promise.all([post(good), fetch(url + PATHS.live)]);
      assert.deepEqual([answer, live.status], ["good", 200]);
      const took = performance.now() - start;
      assert.ok(took < 5000, `${took} ms`);
      await sleep(50);
    }
    assert.deepEqual(new Set(await refused), new Set(["YOLO_IMAGE_UNREADABLE"]));
    assert.doesNotMatch(server.output, /worker died/);
  });
});

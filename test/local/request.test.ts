import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../local/errors.ts";
import { SHIPPED_MODEL } from "../../local/model.ts";
import { readRequest } from "../../local/request.ts";
import { codedPicture, writeAvif } from "../service/avif-files.ts";
import { manyFrames, manyTiles } from "../service/decode-bombs.ts";

describe("readRequest", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-request-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const read = async (photo: Buffer) => {
    const image = join(folder, "photo");
    await writeFile(image, photo);
    return readRequest({ model: SHIPPED_MODEL, image });
  };
  const refusal = (message: RegExp) => (error: unknown) => error instanceof UserError && message.test(error.message);

  it("refuses, before anything is started, a photo that the service would refuse", async () => {
    const { content, av1C } = await codedPicture(6000, 4400);
    const large = writeAvif([{ type: "av01", content, width: 6000, height: 4400 }], av1C);
    await assert.rejects(
      read(large),
      refusal(/at most 50 million pixels .* has 6000x4400, of which each counts 2 times \(AVIF\)/),
    );
    await assert.rejects(read(await manyFrames(640, 480, 9)), refusal(/cannot be read: .* at most 4 frames/));
    await assert.rejects(read(Buffer.from("text")), refusal(/Expected an image/));
  });

  it("takes one that the service takes", async () => {
    const photo = await manyTiles([9, 12], 512, [6000, 4400]);
    assert.deepEqual((await read(photo)).photo, photo);
  });
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { FastifyInstance } from "fastify";
import sharp from "sharp";
import { PATHS } from "../../service/contract.ts";
import { ERRORS } from "../../service/src/errors.ts";
import { answerType } from "../../service/src/routes/predict/accept.ts";
import { blocks } from "./generate.ts";
import { assertError, postForm } from "./predict-request.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { png, slowImage } from "./support.ts";

describe("answerType", () => {
  const choices: [accept: string | undefined, chosen: string][] = [
    [undefined, "application/json"],
    ["", "application/json"],
    ["*/*", "application/json"],
    ["application/*", "application/json"],
    ["image/jpeg", "image/jpeg"],
    ["IMAGE/JPEG", "image/jpeg"],
    ["image/*", "image/jpeg"],
    ["image/jpeg, application/json", "application/json"],
    ["image/jpeg, application/json;q=0.9", "image/jpeg"],
    ["application/json; q=0.2, image/jpeg; q=0.3", "image/jpeg"],
    ["text/html, image/jpeg;q=0.001", "image/jpeg"],
    ["*/*;q=0.5, image/jpeg", "image/jpeg"],
    ["*/*, application/json;q=0", "image/jpeg"],
    ["image/*, image/jpeg;q=0, */*;q=0.1", "application/json"],
    ["image/avif,image/webp,image/apng,*/*;q=0.8", "application/json"],
    ["image/jpeg;version=1;q=0.5", "image/jpeg"],
    ["nonsense, image/jpeg", "image/jpeg"],
  ];
  for (const [accept, chosen] of choices) {
    it(`answers ${accept ?? "no Accept at all"} with ${chosen}`, () => assert.equal(answerType(accept), chosen));
  }

  it("refuses callers that accept neither", () => {
    for (const accept of [
      "text/html",
      "image/png",
      "application/json;q=0",
      "*/*;q=0",
      "image/jpeg;q=2",
      "json",
      "*/json",
    ]) {
      assert.throws(() => answerType(accept), { code: "YOLO_NOT_ACCEPTABLE" }, accept);
    }
  });
});

describe("POST /predict for an annotated image", () => {
  let service: RunningApp;
  let app: FastifyInstance;
  before(async () => {
    service = await startApp("raw");
    app = service.app;
  });
  after(() => service.close());

  const headers = { accept: "image/jpeg" };

  it("answers the image with boxes drawn onto it", async () => {
    const image = await png(blocks(200, 120, 21), 200, 120);
    const answer = await postForm(app, [["file", image]], { headers });
    assert.equal(answer.headers["content-type"], "image/jpeg");
    const { format, width, height } = await sharp(answer.rawPayload).metadata();
    assert.deepEqual([format, width, height], ["jpeg", 200, 120]);
    const plain = await sharp(image).raw().toBuffer();
    const drawn = await sharp(answer.rawPayload).raw().toBuffer();
    const changed = plain.filter((value, index) => Math.abs(value - (drawn[index] ?? 0)) > 40).length;
    assert.ok(changed > 200, `${changed} values differ`);
  });

  it("draws the same whether or not coordinates are asked for as shares", async () => {
    const image = await png(blocks(100, 80, 21), 100, 80);
    const answers = await Promise.all(
      ["false", "true"].map((normalize) =>
        postForm(
          app,
          [
            ["file", image],
            ["normalize", normalize],
          ],
          { headers },
        ),
      ),
    );
    assert.deepEqual(answers[0]?.rawPayload, answers[1]?.rawPayload);
  });

  it("takes one image only, and says what to accept for several", async () => {
    const image = await png(blocks(20, 20, 1), 20, 20);
    const answer = await postForm(
      app,
      [
        ["file", image],
        ["file", image],
      ],
      { headers },
    );
    assertError(answer, "YOLO_NOT_ACCEPTABLE", "received 2", "application/json");
  });

  it("answers errors as JSON", async () => {
    const answer = await postForm(app, [["file", Buffer.from("no image")]], { headers });
    assertError(answer, "YOLO_IMAGE_UNREADABLE");
    assert.match(String(answer.headers["content-type"]), /^application\/json/);
  });

  it("gives up at the deadline, and counts drawing as a stage", async () => {
    const image = await slowImage();
    const begun = performance.now();
    const late = await postForm(app, [["file", image]], { headers: { ...headers, "x-request-timeout-ms": "5" } });
    assertError(late, "YOLO_REQUEST_TIMEOUT");
    assert.ok(performance.now() - begun < 2_000);
    assert.equal((await postForm(app, [["file", image]], { headers })).statusCode, 200);
    const { body } = await app.inject(PATHS.metrics);
    const drawn = Number(/stage_duration_seconds_count\{model="colours",stage="drawing"\} (\d+)/.exec(body)?.[1]);
    assert.ok(drawn > 0, body);
  });

  it("refuses callers that accept neither, or wait no time that there is, before it reads the image", async () => {
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    for (const [name, value, code] of [
      ["accept", "text/html", "YOLO_NOT_ACCEPTABLE"],
      ["x-request-timeout-ms", "soon", "YOLO_PARAMETER_INVALID"],
    ] as const) {
      for (const path of [PATHS.predict, `${PATHS.inferenceProtocol}/models/colours/infer`]) {
        if (name === "accept" && path !== PATHS.predict) continue;
        // A body that never comes.
        const sent = request(url + path, {
          method: "POST",
          headers: { [name]: value, "content-type": "image/png", "content-length": 1000 },
        });
        sent.on("error", () => {});
        sent.flushHeaders();
        const [answer] = (await once(sent, "response")) as [IncomingMessage];
        let text = "";
        for await (const chunk of answer) text += chunk;
        assert.equal(answer.statusCode, ERRORS[code].status, text);
        sent.destroy();
      }
    }
  });

  it("refuses callers that accept neither JSON nor JPEG before it looks at the image", async () => {
    const answer = await app.inject({
      method: "POST",
      url: PATHS.predict,
      headers: { accept: "text/html", "content-type": "image/png" },
      payload: Buffer.from("x"),
    });
    assertError(answer, "YOLO_NOT_ACCEPTABLE", "application/json");
  });
});

import assert from "node:assert/strict";
import type { FastifyInstance } from "fastify";
import { PATHS, type PredictResponse } from "../../service/contract.ts";
import { MOST_ENTRIES } from "../../service/src/routes/predict/parameters.ts";
import { MOST_FILES } from "../../service/src/routes/predict/upload.ts";
import { blocks } from "./generate.ts";
import { assertError, encodeForm, type FormPart, postForm } from "./predict-request.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { modelEntry, modelPath, png, slowImage } from "./support.ts";

const LIMIT_BYTES = 200_000;

describe("POST /predict with a form", () => {
  let service: RunningApp;
  let app: FastifyInstance;
  let images: Buffer[];
  before(async () => {
    const models = [modelEntry("fixed", modelPath("raw")), modelEntry("dynamic", modelPath("dynamic"))].join();
    service = await startApp("raw", { MODELS: models, BODY_LIMIT_BYTES: String(LIMIT_BYTES), QUEUE_LIMIT: "1" });
    app = service.app;
    images = await Promise.all([200, 120, 64].map((width, seed) => png(blocks(width, 100, seed + 1), width, 100)));
  });
  after(() => service.close());

  const image = (index = 0) => images[index] ?? Buffer.alloc(0);
  const file = (index = 0): FormPart => ["file", image(index)];
  const resultsOf = (answer: { json(): unknown }) =>
    (answer.json() as PredictResponse).images.map(({ results }) => results);
  const raw = (index: number, query = "") =>
    app.inject({
      method: "POST",
      url: PATHS.predict + query,
      headers: { "content-type": "image/png" },
      payload: image(index),
    });

  it("finds in a file what it finds in the same bytes as the body", async () => {
    const answer = await postForm(app, [file()]);
    assert.equal(answer.statusCode, 200, answer.body);
    assert.deepEqual(resultsOf(answer), resultsOf(await raw(0)));
    assert.ok((resultsOf(answer)[0]?.length ?? 0) > 0);
  });

  it("answers several files in their order, also when they are more than workers and queue hold", async () => {
    const order = [2, 0, 1, 2, 0];
    const answer = await postForm(app, order.map(file));
    const { images: found, metadata } = answer.json() as PredictResponse;
    assert.deepEqual(
      found.map(({ shape }) => shape),
      order.map((index) => [100, [200, 120, 64][index]]),
    );
    assert.equal(metadata.imageCount, 5);
    for (const [place, index] of order.entries()) {
      assert.deepEqual(resultsOf(answer)[place], resultsOf(await raw(index))[0]);
    }
  });

  it("takes parameters from the form as from the query", async () => {
    const fields: FormPart[] = [
      ["conf", "0.6"],
      ["max_det", "2"],
      ["classes", "0,2"],
      ["decimals", "1"],
      ["normalize", "False"],
    ];
    const form = await postForm(app, [fields[0] ?? file(), file(), ...fields.slice(1)]);
    assert.equal(form.statusCode, 200, form.body);
    const query = `?${new URLSearchParams(fields.map(([name, value]) => [name, String(value)]))}`;
    assert.deepEqual(resultsOf(form), resultsOf(await raw(0, query)));
    assert.deepEqual(resultsOf(await postForm(app, [file()], { query })), resultsOf(form));
  });

  it("takes classes one by one, as many clients send lists", async () => {
    const one = await postForm(app, [file(), ["classes", "0,2"]]);
    assert.deepEqual(resultsOf(await postForm(app, [file(), ["classes", "0"], ["classes", "2"]])), resultsOf(one));
    assert.deepEqual(resultsOf(await raw(0, "?classes=0&classes=2")), resultsOf(one));
    assertError(await raw(0, "?classes=0&classes=x"), "YOLO_PARAMETER_INVALID", "classes");
  });

  it("refuses a parameter that comes twice, wherever, and says all that is wrong at once", async () => {
    const twice = await postForm(app, [file(), ["conf", "0.5"], ["conf", "0.5"]]);
    assertError(twice, "YOLO_PARAMETER_INVALID", "conf once");
    const both = await postForm(app, [file(), ["conf", "0.5"]], { query: "?conf=0.5&iou=2" });
    assertError(both, "YOLO_PARAMETER_INVALID", "conf once", "0 to 0.95 for iou");
  });

  it("refuses unknown fields, and images under another name", async () => {
    assertError(
      await postForm(app, [file(), ["confidence", "1"]]),
      "YOLO_PARAMETER_INVALID",
      "confidence",
      "conf, iou",
    );
    assertError(await postForm(app, [["image", image()]]), "YOLO_PARAMETER_INVALID", "image");
    assertError(await postForm(app, [["image", Buffer.alloc(20_000)]]), "YOLO_PARAMETER_INVALID", "parts named file");
    assertError(await postForm(app, [file(), ["constructor", "1"]]), "YOLO_REQUEST_INVALID");
    assertError(await postForm(app, [file(), ["__proto__", "1"]]), "YOLO_REQUEST_INVALID");
  });

  it("refuses a form without a file, and says which file is empty", async () => {
    assertError(await postForm(app, [["conf", "0.5"]]), "YOLO_IMAGE_EMPTY");
    assertError(await postForm(app, [["file", Buffer.alloc(0)]]), "YOLO_IMAGE_EMPTY");
    assertError(await postForm(app, [file(), ["file", Buffer.alloc(0)]]), "YOLO_IMAGE_EMPTY", "file 2");
  });

  it("fails for one unreadable file, and says which", async () => {
    const broken: FormPart = ["file", image().subarray(0, 60)];
    assertError(await postForm(app, [file(), file(1), broken, file(2)]), "YOLO_IMAGE_UNREADABLE", "File 3:");
    assert.equal((await postForm(app, [file()])).statusCode, 200);
  });

  it("takes as many files as are allowed and refuses one more", async () => {
    const tiny = await png(blocks(8, 8, 1), 8, 8);
    const files = (count: number): FormPart[] => Array.from({ length: count }, () => ["file", tiny]);
    assert.equal(resultsOf(await postForm(app, files(MOST_FILES))).length, MOST_FILES);
    assertError(await postForm(app, files(MOST_FILES + 1)), "YOLO_PARAMETER_INVALID", `${MOST_FILES} images`);
  });

  it("refuses more fields than there are parameters, and long ones", async () => {
    const fields = Array.from({ length: MOST_ENTRIES + 1 }, (): FormPart => ["classes", "0"]);
    assertError(await postForm(app, [...fields, file()]), "YOLO_PARAMETER_INVALID", "fields");
    assertError(await postForm(app, [file(), ["conf", "1".repeat(20_000)]]), "YOLO_PARAMETER_INVALID", "conf");
  });

  it("refuses a form whose parts together are larger than a body may be", async () => {
    const half = Buffer.alloc(LIMIT_BYTES / 2, 1);
    assertError(
      await postForm(app, [
        ["file", half],
        ["file", half],
      ]),
      "YOLO_BODY_TOO_LARGE",
      String(LIMIT_BYTES),
    );
  });

  it("refuses forms that are malformed or end early", async () => {
    const { payload, type } = await encodeForm([file()]);
    const post = (body: Buffer, contentType = type) =>
      app.inject({ method: "POST", url: PATHS.predict, headers: { "content-type": contentType }, payload: body });
    const invalid = [
      await post(payload, "multipart/form-data"),
      await post(payload.subarray(0, payload.length / 2)),
      await post(payload.subarray(0, payload.length - 8)),
      await post(Buffer.from("no form at all")),
    ];
    for (const answer of invalid) assertError(answer, "YOLO_REQUEST_INVALID", "multipart form");
    assertError(await post(payload, "multipart/form-data; boundary=other"), "YOLO_REQUEST_INVALID");
    assertError(
      await post(payload, "multipart/mixed; boundary=other"),
      "YOLO_MEDIA_TYPE_UNSUPPORTED",
      "multipart/form-data",
    );
  });

  it("chooses the model by its name", async () => {
    const named = async (model: string) => (await postForm(app, [file(), ["model", model]])).json();
    assert.equal((await named("dynamic")).metadata.model, "dynamic");
    assert.equal((await named("fixed")).metadata.model, "fixed");
    assert.equal((await postForm(app, [file()])).json().metadata.model, "fixed");
    assertError(await postForm(app, [file(), ["model", "other"]]), "YOLO_MODEL_UNKNOWN", "fixed, dynamic", "other");
  });

  it("scales to the size that is asked for, with models that can", async () => {
    const sized = (model: string, imgsz: string) => postForm(app, [file(), ["model", model], ["imgsz", imgsz]]);
    const small = await sized("dynamic", "64");
    assert.equal(small.statusCode, 200, small.body);
    assert.notDeepEqual(resultsOf(small), resultsOf(await sized("dynamic", "320")));
    assertError(await sized("fixed", "96"), "YOLO_PARAMETER_INVALID", "64 for imgsz", "fixed");
  });

  it("refuses masks from a model that makes none", async () => {
    assertError(await postForm(app, [file(), ["masks", "rle"]]), "YOLO_PARAMETER_INVALID", "segment", "detect");
  });

  it("writes coordinates as shares and with the decimals that are asked for", async () => {
    const [pixels = [], shares = []] = await Promise.all(
      ["false", "true"].map(async (normalize) => resultsOf(await raw(0, `?decimals=3&normalize=${normalize}`))[0]),
    );
    assert.ok(pixels.length > 0);
    for (const [index, { box }] of pixels.entries()) {
      const share = shares[index]?.box;
      assert.ok(Math.abs((share?.x2 ?? 0) - (box?.x2 ?? 0) / 200) < 0.002);
      assert.ok(Math.abs((share?.y2 ?? 0) - (box?.y2 ?? 0) / 100) < 0.002);
      for (const value of Object.values(share ?? {})) assert.equal(value, Number(value.toFixed(3)));
    }
    const whole = resultsOf(await raw(0, "?decimals=0"))[0] ?? [];
    for (const { box } of whole) for (const value of Object.values(box ?? {})) assert.ok(Number.isInteger(value));
  });

  it("gives up when the caller's time is over, and refuses times that are none", async () => {
    const within = (timeout: string) => postForm(app, [file()], { headers: { "x-request-timeout-ms": timeout } });
    for (const wrong of ["0", "-1", "1.5", "soon", "600001", ""]) {
      assertError(await within(wrong), "YOLO_PARAMETER_INVALID", "x-request-timeout-ms", "600000");
    }
    assert.equal((await within("60000")).statusCode, 200);
    const headers = { "x-request-timeout-ms": "30", "content-type": "image/png" };
    const late = await app.inject({ method: "POST", url: PATHS.predict, headers, payload: await slowImage() });
    assertError(late, "YOLO_REQUEST_TIMEOUT");
    assert.equal(late.headers["retry-after"], "1");
  });
});

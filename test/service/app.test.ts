import assert from "node:assert/strict";
import type { FastifyInstance, InjectOptions } from "fastify";
import sharp from "sharp";
import { type InfoResponse, METRICS, PATHS, type PredictResponse } from "../../service/contract.ts";
import { blocks } from "./generate.ts";
import { assertError } from "./predict-request.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { png } from "./support.ts";

const PNG = { "content-type": "image/png" };

async function predict(app: FastifyInstance, payload: Buffer, more: InjectOptions = {}) {
  return app.inject({ method: "POST", url: PATHS.predict, headers: PNG, payload, ...more });
}

describe("POST /predict", () => {
  let service: RunningApp;
  let app: FastifyInstance;
  let image: Buffer;
  before(async () => {
    service = await startApp("raw", { BODY_LIMIT_BYTES: "5000", PIXEL_LIMIT: "24000" });
    app = service.app;
    image = await png(blocks(200, 120, 21), 200, 120);
  });
  after(() => service.close());

  it("answers in the shape of the Ultralytics Platform", async () => {
    const { images, metadata } = (await predict(app, image)).json<PredictResponse>();
    assert.deepEqual(metadata, { model: "colours", task: "detect", imageCount: 1, version: "0.1.0" });
    assert.equal(images.length, 1);
    assert.deepEqual(Object.keys(images[0] ?? {}), ["shape", "results", "speed"]);
    assert.deepEqual(Object.keys(images[0]?.speed ?? {}), ["preprocess", "inference", "postprocess"]);
    const [first] = images[0]?.results ?? [];
    assert.deepEqual(Object.keys(first ?? {}), ["class", "name", "confidence", "box"]);
    for (const value of Object.values(first?.box ?? {})) assert.equal(value, Number(value.toFixed(5)));
  });

  it("keeps a caller's request id, makes one when there is none, and replaces one that could forge a log line", async () => {
    const id = async (given?: string) => {
      const headers = given === undefined ? PNG : { ...PNG, "x-request-id": given };
      return String((await predict(app, image, { headers })).headers["x-request-id"]);
    };
    assert.equal(await id("abc-1.2:3"), "abc-1.2:3");
    assert.match(await id(), /^[0-9a-f-]{36}$/);
    assert.match(await id("a b"), /^[0-9a-f-]{36}$/);
    assert.match(await id("a".repeat(129)), /^[0-9a-f-]{36}$/);
  });

  it("refuses an empty body", async () => {
    assertError(await predict(app, Buffer.alloc(0)), "YOLO_IMAGE_EMPTY");
    assertError(await app.inject({ method: "POST", url: PATHS.predict }), "YOLO_IMAGE_EMPTY");
  });

  it("refuses what is no image, or only the beginning of one", async () => {
    assertError(await predict(app, Buffer.from("hello")), "YOLO_IMAGE_UNREADABLE", "JPEG");
    assertError(await predict(app, image.subarray(0, image.length / 2)), "YOLO_IMAGE_UNREADABLE");
    assertError(await predict(app, image.subarray(0, 9)), "YOLO_IMAGE_UNREADABLE");
  });

  it("goes by the content, not by the content type, of an image", async () => {
    assert.equal((await predict(app, image, { headers: { "content-type": "image/jpeg" } })).statusCode, 200);
    assert.equal(
      (await predict(app, image, { headers: { "content-type": "application/octet-stream" } })).statusCode,
      200,
    );
  });

  it("refuses other content types and lists those it takes", async () => {
    for (const type of [
      "text/plain",
      "application/json",
      "application/x-www-form-urlencoded",
      "image/svg+xml",
      "nonsense",
    ]) {
      assertError(
        await predict(app, image, { headers: { "content-type": type } }),
        "YOLO_MEDIA_TYPE_UNSUPPORTED",
        "image/jpeg",
      );
    }
  });

  it("takes a body at the limit and refuses one byte more", async () => {
    assertError(await predict(app, Buffer.alloc(5000, 1)), "YOLO_IMAGE_UNREADABLE");
    assertError(await predict(app, Buffer.alloc(5001, 1)), "YOLO_BODY_TOO_LARGE", "5000 bytes");
  });

  it("takes an image at the limit of pixels and refuses one row more, however small the file", async () => {
    const blank = (height: number) =>
      sharp({ create: { width: 200, height, channels: 3, background: "#888" } })
        .png()
        .toBuffer();
    assert.equal((await predict(app, await blank(120))).statusCode, 200);
    assertError(await predict(app, await blank(121)), "YOLO_IMAGE_TOO_LARGE", "200 x 121", "24000");
    assertError(await predict(app, await blank(400)), "YOLO_IMAGE_TOO_LARGE", "200 x 400");
  });

  const wrong: Record<string, string> = {
    "conf=0": "conf",
    "conf=1.01": "conf",
    "conf=NaN": "conf",
    "conf=": "conf",
    "conf=Infinity": "conf",
    "conf=0x1": "conf",
    "conf=0.5&conf=0.6": "conf",
    "iou=-0.1": "iou",
    "iou=0.96": "iou",
    "max_det=0": "max_det",
    "max_det=301": "max_det",
    "max_det=1.5": "max_det",
    "classes=": "classes",
    "classes=a": "classes",
    "classes=0,": "classes",
    "classes=3": "below 3",
    "classes=-1": "classes",
    "size=3": "size",
    "conf=2&iou=2": "iou",
  };
  for (const [query, part] of Object.entries(wrong)) {
    it(`refuses ?${query}`, async () => {
      assertError(await predict(app, image, { url: `${PATHS.predict}?${query}` }), "YOLO_PARAMETER_INVALID", part);
    });
  }

  it("takes parameters at their limits", async () => {
    for (const query of [
      "conf=0.01&iou=0&max_det=1&classes=0,1,2",
      "conf=1&iou=0.95&max_det=300",
      "conf=1e-1",
      "conf=.5",
    ]) {
      assert.equal((await predict(app, image, { url: `${PATHS.predict}?${query}` })).statusCode, 200, query);
    }
  });

  it("answers unknown paths, methods and malformed addresses from the error table", async () => {
    assertError(await app.inject({ url: "/nothing" }), "YOLO_ROUTE_UNKNOWN");
    const wrong = await app.inject({ url: PATHS.predict });
    assertError(wrong, "YOLO_METHOD_UNSUPPORTED", "POST", "GET");
    assert.equal(wrong.headers.allow, "POST");
    const deep = await app.inject({ method: "DELETE", url: "/v2/models/colours/versions/1" });
    assert.deepEqual([deep.statusCode, deep.headers.allow], [405, "GET, HEAD"]);
    assertError(await app.inject({ url: "/%E0%A4%A" }), "YOLO_REQUEST_INVALID");
  });

  it("counts requests, waits, stages and detections under the names of the contract", async () => {
    const text = (await app.inject({ url: PATHS.metrics })).body;
    for (const name of Object.values(METRICS)) assert.match(text, new RegExp(`^# TYPE ${name} `, "m"), name);
    assert.match(text, new RegExp(`${METRICS.requests}\\{route="/predict",code="200"\\} \\d`));
    assert.match(text, new RegExp(`${METRICS.requests}\\{route="/predict",code="415"\\} 5`));
    assert.match(text, new RegExp(`${METRICS.detections}\\{model="colours",class="driver's blue"\\} \\d`));
    assert.match(text, new RegExp(`${METRICS.stageDuration}_count\\{model="colours",stage="inference"\\} \\d`));
    assert.match(text, new RegExp(`^${METRICS.inFlight} 0$`, "m"));
  });

  it("tells what runs", async () => {
    const { models, provider, versions } = (await app.inject({ url: PATHS.info })).json<InfoResponse>();
    assert.deepEqual(
      models.map(({ name, task, layout, input }) => ({ name, task, layout, input })),
      [{ name: "colours", task: "detect", layout: "raw", input: { width: 64, height: 64, dynamic: false } }],
    );
    assert.deepEqual(models[0]?.names, ["red", "green thing", "driver's blue"]);
    assert.match(models[0]?.sha256 ?? "", /^[0-9a-f]{64}$/);
    assert.deepEqual([provider, versions.onnxruntime, versions.node], ["cpu", "1.30.0", process.versions.node]);
  });
});

describe("probes", () => {
  it("tell starting, serving and draining apart", async () => {
    const { app, state, close } = await startApp("raw");
    const codes = async () =>
      Promise.all([PATHS.startup, PATHS.live, PATHS.ready].map(async (url) => (await app.inject({ url })).statusCode));
    const { engine } = state;
    try {
      assert.deepEqual(await codes(), [200, 200, 200]);
      state.phase = "draining";
      assert.deepEqual(await codes(), [200, 200, 503]);
      state.phase = "starting";
      delete state.engine;
      assert.deepEqual(await codes(), [503, 200, 503]);
      const answer = await predict(app, Buffer.from("x"));
      assertError(answer, "YOLO_NOT_READY");
      assert.equal(answer.headers["retry-after"], "1");
    } finally {
      if (engine !== undefined) state.engine = engine;
      await close();
    }
  });

  it("close the connection with each answer while draining, and still serve", async () => {
    const { app, state, close } = await startApp("raw");
    try {
      state.phase = "draining";
      const answer = await predict(app, await png(blocks(20, 20, 1), 20, 20));
      assert.equal(answer.statusCode, 200);
      assert.equal(answer.headers.connection, "close");
    } finally {
      await close();
    }
  });
});

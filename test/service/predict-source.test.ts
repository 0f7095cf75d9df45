import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type FastifyInstance, fastify } from "fastify";
import sharp from "sharp";
import { PATHS, type PredictResponse } from "../../service/contract.ts";
import { answerError } from "../../service/src/app.ts";
import { readConfig } from "../../service/src/config.ts";
import { ImageFetcher } from "../../service/src/fetching/image-fetcher.ts";
import { addPredict } from "../../service/src/routes/predict.ts";
import { createMetrics } from "../../service/src/telemetry/metrics.ts";
import { blocks } from "./generate.ts";
import { assertError, postForm } from "./predict-request.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { environment, png } from "./support.ts";

describe("POST /predict with a source", () => {
  let service: RunningApp;
  let photos: Server;
  let port: number;
  let image: Buffer;
  const apps: FastifyInstance[] = [];
  before(async () => {
    service = await startApp("raw");
    image = await png(blocks(120, 90, 21), 120, 90);
    photos = createServer(({ url }, answer) => answer.end(url === "/photo.png" ? image : "no image, but long enough"));
    await new Promise<void>((resolve) => photos.listen(0, "127.0.0.1", resolve));
    port = (photos.address() as AddressInfo).port;
  });
  after(async () => {
    for (const app of apps) await app.close();
    photos.close();
    await service.close();
  });

  /** The route beside one server on this machine that it may ask; everything else is as it is run. */
  function appThatFetches(): FastifyInstance {
    const config = readConfig(environment("raw"));
    const app = fastify();
    app.removeAllContentTypeParsers();
    app.decorateRequest("keyName", null);
    app.setErrorHandler<Error>((error, request, reply) => answerError(config, error, request, reply));
    const network = {
      resolve: async () => [{ address: "127.0.0.1", family: 4 }],
      specialUse: (address: string) => (address === "127.0.0.1" ? undefined : "private"),
    };
    const fetcher = new ImageFetcher([`http://photos.test:${port}`], config.bodyLimitBytes, network);
    addPredict(app, { config, state: service.state, metrics: createMetrics(() => service.state.engine) }, fetcher);
    apps.push(app);
    return app;
  }

  const get = (app: FastifyInstance, source: string, more = "") =>
    app.inject({ method: "POST", url: `${PATHS.predict}?source=${encodeURIComponent(source)}${more}` });

  it("is refused while no host is allowed", async () => {
    for (const source of [
      "https://example.com/a.jpg",
      "http://127.0.0.1/",
      "https://169.254.169.254/latest/meta-data",
    ]) {
      assertError(await get(service.app, source), "YOLO_URL_REFUSED", "FETCH_HOSTS");
    }
  });

  it("finds in the fetched image what it finds in the same bytes as the body, without any body", async () => {
    const fetched = await get(appThatFetches(), `http://photos.test:${port}/photo.png`);
    assert.equal(fetched.statusCode, 200, fetched.body);
    const sent = await postForm(service.app, [["file", image]]);
    const [results, expected] = [fetched, sent].map((answer) => answer.json<PredictResponse>().images[0]?.results);
    assert.deepEqual(results, expected);
    assert.ok((results?.length ?? 0) > 0);
  });

  it("takes a source from a form, too, and draws on what it fetched", async () => {
    const headers = { accept: "image/jpeg" };
    const answer = await postForm(appThatFetches(), [["source", `http://photos.test:${port}/photo.png`]], { headers });
    assert.equal((await sharp(answer.rawPayload).metadata()).width, 120);
  });

  it("refuses a source beside an upload, twice, or malformed", async () => {
    const source = `http://photos.test:${port}/photo.png`;
    const app = appThatFetches();
    assertError(
      await postForm(app, [
        ["file", image],
        ["source", source],
      ]),
      "YOLO_PARAMETER_INVALID",
      "received both",
    );
    assertError(await get(app, source, "&source=a"), "YOLO_PARAMETER_INVALID", "source once");
    assertError(await get(app, "photo.png"), "YOLO_PARAMETER_INVALID", "absolute address");
    assertError(await get(app, `http://photos.test:${port}/${"a".repeat(2048)}`), "YOLO_PARAMETER_INVALID", "2048");
  });

  it("says why an image cannot be fetched", async () => {
    const app = appThatFetches();
    assertError(await get(app, `http://photos.test:${port}/other`), "YOLO_URL_FAILED", "no JPEG");
    assertError(await get(app, "https://example.com/a.jpg"), "YOLO_URL_REFUSED", "allowed host");
  });
});

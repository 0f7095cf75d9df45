import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type InfoResponse, PATHS, type PredictResponse } from "../../service/contract.ts";
import { ETAG, file, ModelServer } from "./model-server.ts";
import { Server } from "./server-process.ts";
import { environment, modelEntry, modelPath, png, sha256 } from "./support.ts";

describe("server, with models from several places", function () {
  this.timeout(120_000);
  const servers: Server[] = [];
  let store: ModelServer;
  let content: Buffer;
  before(async () => {
    store = await ModelServer.start({ trusted: false });
    await writeFile(`${store.folder}.pem`, store.certificate);
    content = await readFile(modelPath("end-to-end"));
  });
  after(async () => {
    await store.stop();
    await rm(`${store.folder}.pem`, { force: true });
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.process.kill("SIGKILL");
      await server.exit;
    }
  });

  /** A server of a local model, and of one in the store with this digest. */
  const start = (digest = sha256(content)) => {
    const MODELS = [
      modelEntry("near", modelPath("raw")),
      `far=${store.url}/far.onnx?X-Amz-Signature=SECRET@sha256:${digest}`,
    ].join();
    const more = { MODELS, MODEL_CACHE_DIR: store.folder, LOG_LEVEL: "info" };
    const server = new Server(environment("raw", { ...more, NODE_EXTRA_CA_CERTS: `${store.folder}.pem` }));
    servers.push(server);
    return server;
  };

  it("serves each by its name, the first by default, and keeps what it downloaded", async () => {
    await store.reset(file(content));
    const server = start();
    const url = await server.ready();
    const { models } = (await (await fetch(url + PATHS.info)).json()) as InfoResponse;
    const found = models.map((model) => [model.name, model.layout, model.sha256]);
    const local = sha256(await readFile(modelPath("raw")));
    assert.deepEqual(found, [
      ["near", "raw", local],
      ["far", "end-to-end", sha256(content)],
    ]);
    const body = await png(Buffer.alloc(64 * 64 * 3, 200), 64, 64);
    const ask = (query: string) => {
      const headers = { "content-type": "image/png" };
      return fetch(`${url}${PATHS.predict}${query}`, { method: "POST", headers, body: new Uint8Array(body) });
    };
    for (const [query, name] of Object.entries({ "": "near", "?model=near": "near", "?model=far": "far" })) {
      const answer = (await (await ask(query)).json()) as PredictResponse;
      assert.deepEqual([answer.metadata.model, answer.images.length], [name, 1]);
    }
    const unknown = await ask("?model=nowhere");
    assert.deepEqual([unknown.status, /YOLO_MODEL_UNKNOWN/.test(await unknown.text())], [404, true]);
    for (const name of ["near", "far"]) {
      const answer = await fetch(`${url}${PATHS.inferenceProtocol}/models/${name}/ready`);
      assert.equal(answer.status, 200);
    }
    assert.match(server.output, /"place":"https:\/\/localhost:\d+\/far\.onnx\?…".*"msg":"downloading"/);
    assert.doesNotMatch(server.output, /SECRET/);

    store.behaviours = [(_request, response) => response.writeHead(404).end()];
    await start().ready();
    assert.equal(store.requests.length, 1);
  });

  it("answers probes while it downloads, stops when told to, and goes on at the next start", async () => {
    const part = content.length >> 1;
    await store.reset((_request, response) => {
      response.writeHead(200, { etag: ETAG, "content-length": content.length }).write(content.subarray(0, part));
    }, file(content));
    const server = start();
    const url = await server.url();
    while (store.requests.length === 0) await sleep(10);
    await sleep(300);
    const codes = [PATHS.startup, PATHS.ready].map(async (path) => (await fetch(url + path)).status);
    assert.deepEqual(await Promise.all(codes), [503, 503]);
    server.process.kill("SIGTERM");
    assert.deepEqual(await server.exit, [0, null], server.output);
    await start().ready();
    assert.match(store.requests[1]?.range ?? "", /^bytes=[1-9]\d*-$/);
    assert.deepEqual(await store.files(), [`${sha256(content)}.onnx`]);
  });

  it("exits with 1 and says which model is another one", async () => {
    await store.reset(file(content));
    const server = start("0".repeat(64));
    assert.deepEqual(await server.exit, [1, null]);
    const message =
      /^Expected the model far from https:\/\/localhost:\d+\/far\.onnx\?… \(MODELS\) to have SHA-256 0{64}/m;
    assert.match(server.output, message);
    assert.doesNotMatch(server.output, /SECRET|^\s+at /m);
  });
});

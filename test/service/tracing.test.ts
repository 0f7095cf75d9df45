import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PATHS } from "../../service/contract.ts";
import { type ReceivedSpan, startReceiver } from "../support/otlp.ts";
import { blocks } from "./generate.ts";
import { Server } from "./server-process.ts";
import { environment, png } from "./support.ts";

/** The example of https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers */
const CALLER = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
const TRACEPARENT = `00-${CALLER.traceId}-${CALLER.spanId}-01`;

describe("traces", () => {
  let folder: string;
  let image: Buffer;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let server: Server;
  let url: string;
  const start = async (more: Record<string, string> = {}) => {
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, LOG_LEVEL: "info", ...more };
    server = new Server(environment("raw", traced));
    url = await server.ready();
  };
  const post = (headers: Record<string, string> = {}, body = image) => {
    const all = { "content-type": "image/png", ...headers };
    return fetch(`${url}${PATHS.predict}?conf=0.3`, { method: "POST", headers: all, body: new Uint8Array(body) });
  };
  const stop = async () => {
    server.process.kill("SIGTERM");
    assert.equal((await server.exit)[0], 0, server.output);
  };
  const find = (name: string): ReceivedSpan => {
    const found = receiver.spans.filter((span) => span.name === name);
    assert.equal(
      found.length,
      1,
      `${found.length} spans named ${name} among ${receiver.spans.map((span) => span.name)}`,
    );
    return found[0] as ReceivedSpan;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-tracing-"));
    image = await png(blocks(120, 80, 21), 120, 80);
  });
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    server.process.kill("SIGKILL");
    await server.exit;
    receiver.close();
  });
  after(() => rm(folder, { recursive: true }));

  it("tell the way of a request, below its caller's span, and are sent before the service ends", async () => {
    const keys = join(folder, "api-keys");
    await writeFile(keys, `web:${createHash("sha256").update("the-key").digest("hex")}`);
    await start({ API_KEYS_FILE: keys });
    const headers = { traceparent: TRACEPARENT, "x-api-key": "the-key", "x-request-id": "find-me" };
    assert.equal((await post(headers)).status, 200);
    await stop();
    assert.deepEqual(receiver.errors, []);
    const root = find("POST /predict");
    assert.deepEqual([root.traceId, root.parentId, root.kind, root.status], [CALLER.traceId, CALLER.spanId, 2, 0]);
    assert.deepEqual(root.attributes, {
      "http.request.method": "POST",
      "http.route": "/predict",
      "http.response.status_code": 200,
      "url.path": "/predict",
      "url.scheme": "http",
      "yolo.request.id": "find-me",
      "yolo.key.name": "web",
    });
    const names = ["queue", "preprocess", "inference", "postprocess"];
    let last = root.start;
    for (const span of names.map(find)) {
      assert.deepEqual([span.traceId, span.parentId], [CALLER.traceId, root.spanId]);
      assert.deepEqual(span.attributes, {
        "yolo.model": "colours",
        "yolo.input.bytes": image.length,
        "yolo.image.width": 120,
        "yolo.image.height": 80,
      });
      assert.ok(last <= span.start && span.start <= span.end && span.end <= root.end, span.name);
      last = span.end;
    }
    assert.equal(receiver.spans.length, 5, "probes and metrics leave no spans");
    assert.deepEqual([root.resource["service.name"], root.resource["service.version"]], ["yolo", "0.1.0"]);
    const logged = server.output.split("\n").find((line) => line.includes('"answered"')) ?? "";
    assert.equal(JSON.parse(logged).traceId, CALLER.traceId);
    assert.doesNotMatch(
      JSON.stringify(receiver.spans, (_, value) => String(value)),
      /the-key/,
    );
  });

  it("begin anew for a caller without a trace, and say what failed", async () => {
    await start();
    assert.equal((await post({}, image.subarray(0, 40))).status, 400);
    assert.equal((await post({ traceparent: "nonsense" }, Buffer.from("x"))).status, 400);
    await stop();
    const roots = receiver.spans.filter(({ name }) => name === "POST /predict");
    assert.equal(roots.length, 2);
    assert.equal(new Set(roots.map(({ traceId }) => traceId)).size, 2);
    for (const { parentId, status, attributes } of roots) {
      assert.deepEqual([parentId, status, attributes["http.response.status_code"]], ["", 0, 400]);
    }
    const runs = receiver.spans.filter(({ name }) => name === "run");
    assert.deepEqual(
      runs.map(({ attributes }) => attributes["error.type"]),
      ["YOLO_IMAGE_UNREADABLE", "YOLO_IMAGE_UNREADABLE"],
    );
  });

  it("obey OpenTelemetry's own variables", async () => {
    await start({
      OTEL_SERVICE_NAME: "detector-eu",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20secret-token",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    });
    await post();
    await stop();
    const { resource } = find("inference");
    assert.deepEqual([resource["service.name"], resource["deployment.environment.name"]], ["detector-eu", "test"]);
    assert.equal(receiver.headers[0]?.authorization, "Bearer secret-token");
    assert.equal(receiver.headers[0]?.["content-encoding"], "gzip");
    assert.doesNotMatch(server.output, /secret-token/);
  });

  it("leave out what their sampler leaves out", async () => {
    await start({ OTEL_TRACES_SAMPLER: "always_off" });
    assert.equal((await post()).status, 200);
    await stop();
    assert.deepEqual(receiver.spans, []);
  });

  it("cost no request and no exit when nobody receives them", async () => {
    await start({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" });
    assert.equal((await post()).status, 200);
    await stop();
  });

  it("cost nothing where they are not wanted: its SDK is not even loaded", async () => {
    const spy = join(folder, "spy.mjs");
    await writeFile(
      spy,
      `import { registerHooks } from "node:module";
       registerHooks({ load(url, context, next) {
         if (url.includes("/@opentelemetry/sdk-trace")) console.log("loaded the SDK");
         return next(url, context);
       } });`,
    );
    for (const endpoint of [receiver.url, ""]) {
      await start({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, NODE_OPTIONS: `--import=${spy}` });
      assert.equal((await post()).status, 200);
      await stop();
      assert.equal(server.output.includes("loaded the SDK"), endpoint !== "");
    }
  });
});

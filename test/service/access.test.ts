import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorResponse, PATHS } from "../../service/contract.ts";
import { blocks } from "./generate.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { png } from "./support.ts";

const line = (name: string, key: string) => `${name}:${createHash("sha256").update(key).digest("hex")}`;

describe("access over HTTP", () => {
  let folder: string;
  let keysFile: string;
  let image: Uint8Array<ArrayBuffer>;
  let service: RunningApp | undefined;
  let url: string;
  const start = async (settings: Record<string, string>) => {
    service = await startApp("raw", settings);
    url = await service.app.listen({ host: "127.0.0.1", port: 0 });
  };
  const post = (headers: Record<string, string> = {}) =>
    fetch(url + PATHS.predict, { method: "POST", headers: { "content-type": "image/png", ...headers }, body: image });
  const codeOf = async (answer: Response) => ((await answer.json()) as ErrorResponse).error.code;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-access-"));
    keysFile = join(folder, "api-keys");
    image = new Uint8Array(await png(blocks(20, 20, 1), 20, 20));
  });
  beforeEach(() => writeFile(keysFile, `${line("first", "one")}\n${line("second", "two")}`));
  afterEach(async () => {
    await service?.close();
    service = undefined;
  });
  after(() => rm(folder, { recursive: true }));

  /** The status and the body of a request to open a WebSocket; what was answered first, whatever follows. */
  const upgrade = (headers: Record<string, string>) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const key = "dGhlIHNhbXBsZSBub25jZQ==";
      const all = {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": key,
      };
      const sent = request(url + PATHS.stream, { headers: { ...all, ...headers } }, (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (chunk) => (body += chunk));
        answer.on("end", () => resolve({ status: answer.statusCode, body }));
      });
      sent.on("upgrade", ({ statusCode }, socket) => {
        socket.destroy();
        resolve({ status: statusCode, body: "" });
      });
      sent.on("error", reject);
      sent.end();
    });

  it("lets each key in, in either header, and nobody else", async () => {
    await start({ API_KEYS_FILE: keysFile });
    for (const headers of [{ "x-api-key": "one" }, { "x-api-key": "two" }, { authorization: "Bearer two" }]) {
      assert.equal((await post(headers)).status, 200);
    }
    for (const headers of [{}, { "x-api-key": "three" }, { "x-api-key": "" }, { authorization: "Bearer" }]) {
      const answer = await post(headers as Record<string, string>);
      assert.equal(answer.status, 401);
      assert.equal(answer.headers.get("www-authenticate"), 'ApiKey header="x-api-key"');
      assert.equal(await codeOf(answer), "YOLO_KEY_INVALID");
    }
  });

  it("asks for a key at every route but probes, metrics, pages and documents", async () => {
    await start({ API_KEYS_FILE: keysFile });
    const protocol = PATHS.inferenceProtocol;
    const [asset] = /(?<=src=")page\/[^"]+/.exec(await (await fetch(url + PATHS.page)).text()) ?? [];
    for (const path of [
      ...[PATHS.startup, PATHS.live, PATHS.ready, PATHS.metrics, PATHS.page, PATHS.docs, PATHS.openapi],
      ...[`${protocol}/health/live`, `${protocol}/health/ready`, `/${asset}`],
    ]) {
      assert.equal((await fetch(url + path)).status, 200, path);
    }
    for (const path of [PATHS.info, protocol, `${protocol}/models/colours`, `${protocol}/models/colours/ready`]) {
      assert.equal((await fetch(url + path)).status, 401, path);
      assert.equal((await fetch(url + path, { headers: { "x-api-key": "one" } })).status, 200, path);
    }
  });

  it("reads changed keys without a restart", async () => {
    await start({ API_KEYS_FILE: keysFile });
    await writeFile(keysFile, line("first", "new"));
    while ((await post({ "x-api-key": "new" })).status !== 200) await sleep(100);
    assert.equal((await post({ "x-api-key": "one" })).status, 401);
  });

  it("refuses to start with a file that cannot be used", async () => {
    await writeFile(keysFile, "one\ntwo");
    await assert.rejects(start({ API_KEYS_FILE: keysFile }), /line 1: .*\n {2}line 2: /);
  });

  it("limits each key by itself and says when to come back", async () => {
    await start({ API_KEYS_FILE: keysFile, RATE_LIMIT_PER_MINUTE: "2" });
    const first = await post({ "x-api-key": "one" });
    assert.deepEqual(
      ["limit", "remaining", "reset"].map((name) => first.headers.get(`ratelimit-${name}`)),
      ["2", "1", "30"],
    );
    assert.equal((await post({ "x-api-key": "one" })).status, 200);
    const refused = await post({ "x-api-key": "one" });
    assert.equal(refused.status, 429);
    assert.match(refused.headers.get("retry-after") ?? "", /^(29|30)$/);
    assert.equal(refused.headers.get("ratelimit-remaining"), "0");
    assert.equal(await codeOf(refused), "YOLO_RATE_LIMITED");
    assert.equal((await post({ "x-api-key": "two" })).status, 200);
    assert.equal((await fetch(url + PATHS.ready)).status, 200);
  });

  it("limits an address where no keys are asked for", async () => {
    await start({ RATE_LIMIT_PER_MINUTE: "1" });
    assert.equal((await post()).status, 200);
    assert.equal((await post({ "x-api-key": "anything" })).status, 429);
  });

  it("sets no limit and no header of one by default", async () => {
    await start({});
    const answers = await Promise.all(Array.from({ length: 5 }, () => post()));
    for (const answer of answers) assert.deepEqual([answer.status, answer.headers.get("ratelimit-limit")], [200, null]);
  });

  it("lets pages of listed origins call it, also to see why they were refused", async () => {
    await start({ CORS_ORIGINS: "https://app.example.com, http://localhost:3000", API_KEYS_FILE: keysFile });
    const origin = "https://app.example.com";
    const asked = { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key" };
    const preflight = await fetch(url + PATHS.predict, { method: "OPTIONS", headers: asked });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-allow-origin"), origin);
    assert.equal(preflight.headers.get("access-control-allow-headers"), "x-api-key");
    assert.match(preflight.headers.get("access-control-allow-methods") ?? "", /POST/);
    const refused = await post({ origin });
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get("access-control-allow-origin"), origin);
    assert.match(refused.headers.get("access-control-expose-headers") ?? "", /retry-after/);
    const other = await post({ origin: "https://evil.example.com", "x-api-key": "one" });
    assert.equal(other.headers.get("access-control-allow-origin"), null);
    assert.match(other.headers.get("vary") ?? "", /origin/i);
  });

  it("lets every page call it for *, and none by default", async () => {
    await start({ CORS_ORIGINS: "*" });
    assert.equal((await post({ origin: "https://any.example.com" })).headers.get("access-control-allow-origin"), "*");
    await service?.close();
    await start({});
    assert.equal((await post({ origin: "https://any.example.com" })).headers.get("access-control-allow-origin"), null);
    const asked = { origin: "https://any.example.com", "access-control-request-method": "POST" };
    assert.equal((await fetch(url + PATHS.predict, { method: "OPTIONS", headers: asked })).status, 405);
  });

  it("asks for a key before a WebSocket is opened, which a page gives as a protocol", async () => {
    await start({ API_KEYS_FILE: keysFile });
    const refused = await upgrade({});
    assert.equal(refused.status, 401);
    assert.equal((JSON.parse(refused.body) as ErrorResponse).error.code, "YOLO_KEY_INVALID");
    assert.equal((await upgrade({ "x-api-key": "one" })).status, 101);
    assert.equal((await upgrade({ "sec-websocket-protocol": "yolo, key.two" })).status, 101);
    assert.equal((await upgrade({ "sec-websocket-protocol": "yolo, key.three" })).status, 401);
  });

  it("opens a WebSocket for programs, for its own page and for listed origins only", async () => {
    await start({ CORS_ORIGINS: "https://app.example.com" });
    for (const headers of [{}, { origin: url }, { origin: "https://app.example.com" }]) {
      assert.equal((await upgrade(headers as Record<string, string>)).status, 101, JSON.stringify(headers));
    }
    for (const origin of ["https://evil.example.com", "null", "http://127.0.0.1:1"]) {
      const { status, body } = await upgrade({ origin });
      assert.equal(status, 403);
      assert.equal((JSON.parse(body) as ErrorResponse).error.code, "YOLO_ORIGIN_REFUSED");
    }
  });
});

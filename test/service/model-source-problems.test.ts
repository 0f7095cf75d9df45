import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { StartError } from "../../service/src/errors.ts";
import { LIMITS, pauseAfter } from "../../service/src/model/source/limits.ts";
import { readRetryAfter, SourceProblem } from "../../service/src/model/source/remote.ts";
import { type Behaviour, CONTENT, ETAG, file, ModelServer, QUICK, SHA256, status } from "./model-server.ts";

/** A part of an address that must not be printed. */
const SIGNED = "/models/street.onnx?X-Amz-Signature=SECRET";

describe("fetching a model that does not come", function () {
  this.timeout(60_000);
  let server: ModelServer;
  before(async () => {
    server = await ModelServer.start();
  });
  after(() => server.stop());

  /** Expects a start error that names the model and its address, keeps the secret and says all of `parts`. */
  const assertRefuses = async (options: Parameters<ModelServer["fetch"]>[0], ...parts: RegExp[]) => {
    const error = await server.fetch({ path: SIGNED, ...options }).then(
      () => assert.fail("it was fetched"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof StartError, String(error));
    for (const part of parts) assert.match(error.message, part);
    assert.doesNotMatch(error.message + server.problems.join(), /SECRET|secret/);
  };
  const NAMED = /the model street from https:\/\/localhost:\d+\/models\/street\.onnx\?… \(MODELS\)/;

  it("refuses another file, names both digests and keeps nothing of it", async () => {
    await server.reset(file());
    const sha256 = "0".repeat(64);
    await assertRefuses({ sha256 }, NAMED, new RegExp(`SHA-256 ${sha256} but it has ${SHA256}`), /300000 bytes/);
    assert.deepEqual(await server.files(), []);
    assert.equal(server.requests.length, 1);
  });

  it("asks once where asking again is of no use", async () => {
    for (const code of [401, 403, 404, 410]) {
      await server.reset(status(code));
      await assertRefuses({}, NAMED, new RegExp(`received HTTP status ${code}\\. Check the address`));
      assert.equal(server.requests.length, 1);
    }
  });

  it("asks again a few times, later each time, where a server fails for now", async () => {
    for (const code of [408, 429, 500, 503]) {
      await server.reset(status(code));
      await assertRefuses({}, NAMED, new RegExp(`status ${code}, at last of 4 attempts\\.`));
      assert.equal(server.requests.length, QUICK.attempts);
    }
    await server.reset(status(500), status(429), file());
    await server.fetch();
  });

  it("waits as long as a server asks for, and not at all for one that asks for too much", async () => {
    await server.reset(status(503, { "retry-after": "1" }), file());
    const start = performance.now();
    await server.fetch();
    assert.ok(performance.now() - start >= 1000);
    await server.reset(status(429, { "retry-after": "3600" }));
    await assertRefuses({}, /status 429, with the wish to be asked again in 3600 s/);
    assert.equal(server.requests.length, 1);
    const now = Date.parse("2026-11-25T12:00:00Z");
    assert.equal(readRetryAfter("Wed, 25 Nov 2026 12:00:07 GMT", now), 7000);
    assert.equal(readRetryAfter("Wed, 25 Nov 2026 11:00:00 GMT", now), 0);
    assert.equal(readRetryAfter("soon", now), 0);
  });

  it("pauses twice as long each time, up to a limit and not in step with others", () => {
    const problem = new SourceProblem("it failed", { passing: true });
    const pauses = [1, 2, 3, 4, 5, 6, 7].map((failures) => pauseAfter(failures, problem, LIMITS) ?? 0);
    for (const [index, middle] of [500, 1000, 2000, 4000, 8000, 16_000, 30_000].entries()) {
      const pause = pauses[index] ?? 0;
      assert.ok(pause >= 0.75 * middle && pause <= 1.25 * middle, `${pause} ms instead of ${middle}`);
    }
    assert.equal(pauseAfter(8, problem, LIMITS), undefined);
    assert.notEqual(pauseAfter(7, problem, LIMITS), pauseAfter(7, problem, LIMITS));
  });

  it("counts attempts anew after one that brought something", async () => {
    const some: Behaviour = (request, response) => {
      const from = Number(/=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const range = { "content-range": `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` };
      response.writeHead(from > 0 ? 206 : 200, { etag: ETAG, ...(from > 0 ? range : {}) });
      response.write(CONTENT.subarray(from, from + 60_000), () => setTimeout(() => response.destroy(), 50));
    };
    await server.reset(some, some, some, file());
    await server.fetch({ limits: { ...QUICK, attempts: 2, progressBytes: 1 } });
    assert.equal(server.requests.length, 4);
  });

  it("gives up on answers that do not begin, stop or trickle", async () => {
    const limits = { ...QUICK, stallMs: 300, attempts: 2 };
    const stalled = /fewer than 32768 bytes came in 0\.3 s, at last of 2 attempts/;
    await server.reset(() => {});
    await assertRefuses({ limits }, NAMED, stalled);
    await server.reset((_request, response) => response.writeHead(200).write("a"));
    await assertRefuses({ limits }, stalled);
    await server.reset((_request, response) => {
      const timer = setInterval(() => response.write("a"), 20);
      response.on("close", () => clearInterval(timer));
    });
    await assertRefuses({ limits }, stalled);
    assert.deepEqual(await server.files(), []);
  });

  it("refuses files that are too large, announced or endless", async () => {
    const limits = { ...QUICK, bytes: 200_000 };
    await server.reset(file());
    await assertRefuses({ limits }, NAMED, /at most 200000 bytes, as an ONNX file has, but it has 300000 or more/);
    await server.reset(function send(_request, response) {
      const more = () => response.write(Buffer.alloc(10_000), (error) => error ?? setImmediate(more));
      more();
    });
    await assertRefuses({ limits }, /at most 200000 bytes/);
    assert.deepEqual(await server.files(), []);
  });

  it("follows redirects to https: addresses, a few of them, and never to http:", async () => {
    await server.reset(status(302, { location: "/elsewhere?token=SECRET" }), file());
    await server.fetch();
    await server.reset(status(307, { location: "http://localhost/street.onnx?token=SECRET" }));
    await assertRefuses({}, NAMED, /redirects to http:\/\/localhost\/street\.onnx\?…, which is not https:/);
    await server.reset(status(302, { location: "https://user:SECRET@[::nowhere]/" }));
    await assertRefuses({}, /redirects to something that is no address/);
    await server.reset(status(301, { location: "/again" }));
    await assertRefuses({}, /redirects more than 5 times/);
    assert.equal(server.requests.length, 6);
  });

  it("refuses a certificate that is not trusted, at once", async () => {
    const stranger = await ModelServer.start({ trusted: false });
    try {
      await assert.rejects(stranger.fetch({}), (error: unknown) => {
        assert.ok(error instanceof StartError);
        assert.match(error.message, /certificate is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\).*NODE_EXTRA_CA_CERTS/);
        return true;
      });
      assert.deepEqual([stranger.requests.length, stranger.problems.length], [0, 0]);
    } finally {
      await stranger.stop();
    }
  });

  it("says when nothing listens there, and when it is compressed", async () => {
    const gone = await ModelServer.start({ trusted: false });
    await gone.stop();
    await assert.rejects(
      gone.fetch({ cacheDir: server.folder }),
      /connection failed \(.*ECONNREFUSED.*at last of 4 attempts/,
    );
    await server.reset(status(200, { "content-encoding": "gzip" }));
    await assertRefuses({}, /content-encoding gzip/);
  });

  it("says what is wrong with the cache folder", async () => {
    await server.reset(file());
    await writeFile(join(server.folder, "file"), "");
    await assert.rejects(server.fetch({ cacheDir: join(server.folder, "file") }), /MODEL_CACHE_DIR.*is no folder/);
    await mkdir(join(server.folder, `${SHA256}.onnx`));
    await assertRefuses({}, /MODEL_CACHE_DIR.*reading or writing there failed \(EISDIR\)/);
    const small = join(server.folder, "small");
    await mkdir(small);
    // Root may write everywhere but there.
    await execa("mount", ["-t", "tmpfs", "-o", "size=128k", "yolo-test", small]);
    try {
      await assert.rejects(server.fetch({ cacheDir: small }), /MODEL_CACHE_DIR.*no space is left/);
      await execa("mount", ["-o", "remount,ro", small]);
      await assert.rejects(
        server.fetch({ cacheDir: small }),
        /MODEL_CACHE_DIR.*is read-only. Mount the volume writable/,
      );
      await execa("mount", ["-o", "remount,rw,size=1m", small]);
      await server.fetch({ cacheDir: small });
      await execa("mount", ["-o", "remount,ro", small]);
      const before = server.requests.length;
      await server.fetch({ cacheDir: small });
      assert.equal(server.requests.length, before);
    } finally {
      await execa("umount", [small]);
    }
  });
});

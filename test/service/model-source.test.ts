import assert from "node:assert/strict";
import { readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { breakAfter, CONTENT, ETAG, file, ModelServer, QUICK, SHA256 } from "./model-server.ts";

const OLD = '"version-0"';

describe("fetching a model over https", function () {
  this.timeout(60_000);
  let server: ModelServer;
  before(async () => {
    server = await ModelServer.start();
  });
  after(() => server.stop());

  /** Expects the whole content in the cache under its digest, and nothing beside it. */
  const assertFetched = async (path: string) => {
    assert.equal(path, join(server.folder, `${SHA256}.onnx`));
    assert.deepEqual(await readFile(path), CONTENT);
    assert.deepEqual(await server.files(), [`${SHA256}.onnx`]);
  };
  const ranges = () => server.requests.map(({ range, "if-range": ifRange }) => [range, ifRange]);

  it("downloads it once, and then takes it from the cache after checking it", async () => {
    await server.reset(file());
    const totals: unknown[] = [];
    const found = await server.fetch({ onProgress: (progress) => totals.push(progress) });
    assert.deepEqual([found.name, found.sha256], ["street", SHA256]);
    await assertFetched(found.path);
    assert.deepEqual(totals, [{ bytes: CONTENT.length, total: CONTENT.length }]);
    await assertFetched((await server.fetch()).path);
    assert.equal(server.requests.length, 1);
  });

  it("replaces a damaged file in the cache, and says so", async () => {
    await server.reset(file());
    await writeFile(join(server.folder, `${SHA256}.onnx`), CONTENT.subarray(1));
    await assertFetched((await server.fetch()).path);
    assert.match(server.problems.join(), /is damaged/);
  });

  it("goes on where a connection broke, as long as the file is the same", async () => {
    await server.reset(breakAfter(100_000), breakAfter(60_000), file());
    await assertFetched((await server.fetch()).path);
    // Of what was sent, a connection that is cut may lose the end.
    const [first = 0, second = 0] = ranges()
      .slice(1)
      .map(([range, tag]) => {
        assert.equal(tag, ETAG);
        return Number(/^bytes=(\d+)-$/.exec(String(range))?.[1]);
      });
    assert.equal(server.requests.length, 3);
    assert.ok(0 < first && first <= 100_000 && first < second && second <= first + 60_000, `${first}, ${second}`);
    assert.match(server.problems.join(), /trying again in 0\.0 s/);
  });

  it("goes on where an earlier process stopped", async () => {
    await server.reset(breakAfter(100_000));
    await assert.rejects(
      server.fetch({ limits: { ...QUICK, attempts: 1 } }),
      /next start goes on where this one stopped/,
    );
    assert.equal((await server.files()).length, 1);
    server.behaviours = [file()];
    await assertFetched((await server.fetch()).path);
    assert.match(String(ranges()[1]), /^bytes=[1-9]\d+-,"version-1"$/);
  });

  it("takes the longest of several partial files, and none where a complete one was left", async () => {
    await server.reset(file());
    await server.leave(CONTENT.subarray(0, 1000), ETAG, "00000000000a");
    await server.leave(CONTENT.subarray(0, 2000), ETAG, "00000000000b");
    await server.leave(Buffer.alloc(0), ETAG, "00000000000c");
    await assertFetched((await server.fetch()).path);
    assert.deepEqual(ranges(), [["bytes=2000-", ETAG]]);
    await server.reset(file());
    await server.leave(CONTENT);
    await assertFetched((await server.fetch()).path);
    assert.equal(server.requests.length, 0);
  });

  it("begins anew when the file has changed since", async () => {
    await server.reset(file());
    await server.leave(Buffer.alloc(5000), OLD);
    await assertFetched((await server.fetch()).path);
    assert.deepEqual(ranges(), [["bytes=5000-", OLD]]);
  });

  it("begins anew when a server goes on in another file, without heeding If-Range", async () => {
    await server.reset((_request, response) => {
      response.writeHead(206, { etag: ETAG, "content-range": "bytes 5000-299999/300000" }).end(CONTENT.subarray(5000));
    }, file());
    await server.leave(Buffer.alloc(5000), OLD);
    await assertFetched((await server.fetch()).path);
    assert.deepEqual(ranges().at(-1), [undefined, undefined]);
  });

  it("begins anew when a server ignores ranges, or gives no strong tag to go on by", async () => {
    const whole = (_request: unknown, response: { end(content: Uint8Array): void }) => response.end(CONTENT);
    await server.reset(breakAfter(100_000), whole);
    await assertFetched((await server.fetch()).path);
    for (const etag of [null, 'W/"version-1"']) {
      await server.reset(breakAfter(100_000, etag), file(CONTENT, etag));
      await assertFetched((await server.fetch()).path);
      assert.deepEqual(ranges(), [
        [undefined, undefined],
        [undefined, undefined],
      ]);
    }
  });

  it("begins anew when what was left is damaged, or longer than the file", async () => {
    await server.reset(file());
    await server.leave(Buffer.alloc(5000));
    await assertFetched((await server.fetch()).path);
    assert.match(server.problems.join(), /parts do not make the file/);
    await server.reset(file());
    await server.leave(Buffer.alloc(CONTENT.length + 1));
    await assertFetched((await server.fetch()).path);
    assert.deepEqual(ranges(), [
      [`bytes=${CONTENT.length + 1}-`, ETAG],
      [undefined, undefined],
    ]);
  });

  it("removes partial files that have lost their process, and no others", async () => {
    await server.reset(breakAfter(1000));
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    await utimes(await server.leave(Buffer.alloc(1), OLD, "00000000000a"), minutesAgo(6), minutesAgo(6));
    await server.leave(Buffer.alloc(1), OLD, "00000000000b");
    const others = ["c", "d"].map((digit) => `${digit.repeat(64)}..0123456789ab.partial`);
    for (const [index, name] of others.entries()) {
      await writeFile(join(server.folder, name), "");
      const time = minutesAgo(index === 0 ? 6 : 25 * 60);
      await utimes(join(server.folder, name), time, time);
    }
    await writeFile(join(server.folder, "engine.partial"), "of somebody else");
    await assert.rejects(server.fetch({ limits: { ...QUICK, attempts: 1 } }));
    const left = (await server.files()).join(" ");
    for (const kept of ["00000000000b", "c".repeat(64), "engine.partial"]) assert.match(left, new RegExp(kept));
    for (const gone of ["00000000000a", "d".repeat(64)]) assert.doesNotMatch(left, new RegExp(gone));
  });

  it("ends when it is told to, and leaves what it has to the next process", async () => {
    const stop = new AbortController();
    await server.reset((_request, response) => {
      response.writeHead(200, { etag: ETAG }).write(CONTENT.subarray(0, 9000));
      setTimeout(() => stop.abort(new Error("draining")), 200);
    });
    await assert.rejects(server.fetch({ signal: stop.signal }), /draining/);
    server.behaviours = [file()];
    await assertFetched((await server.fetch()).path);
    assert.match(String(ranges()[1]), /^bytes=[1-9]\d+-,"version-1"$/);
  });
});

import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { execa } from "execa";
import { type Behaviour, CONTENT, ETAG, file, ModelServer, SHA256 } from "./model-server.ts";

describe("several processes that fetch a model into one folder", function () {
  this.timeout(120_000);
  let server: ModelServer;
  before(async () => {
    server = await ModelServer.start();
    await writeFile(`${server.folder}.pem`, server.certificate);
  });
  after(async () => {
    await server.stop();
    await rm(`${server.folder}.pem`, { force: true });
  });

  const fetchApart = () => {
    const models = `street=${server.url}/street.onnx@sha256:${SHA256}`;
    return execa(process.execPath, [join(import.meta.dirname, "fetch-model.ts"), models, server.folder], {
      env: { NODE_EXTRA_CA_CERTS: `${server.folder}.pem` },
      reject: false,
      all: true,
    });
  };
  const assertFetched = async () => {
    assert.deepEqual(await readFile(join(server.folder, `${SHA256}.onnx`)), CONTENT);
    assert.deepEqual(await server.files(), [`${SHA256}.onnx`]);
  };
  /** Sends the first part, and the rest when the given promise is kept. */
  const sendInTwo = (go: Promise<unknown>, arrived: (response: ServerResponse) => void): Behaviour => {
    return async (request, response) => {
      const from = Number(/=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const range = { "content-range": `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` };
      response.writeHead(from > 0 ? 206 : 200, {
        etag: ETAG,
        "content-length": CONTENT.length - from,
        ...(from > 0 ? range : {}),
      });
      response.write(CONTENT.subarray(from, from + 100_000), () => arrived(response));
      await go;
      response.end(CONTENT.subarray(from + 100_000));
    };
  };

  it("all get it when they start together", async () => {
    const go = Promise.withResolvers<void>();
    let open = 0;
    await server.reset(
      sendInTwo(go.promise, () => {
        open++;
        if (open === 3) go.resolve();
      }),
    );
    const runs = await Promise.all([fetchApart(), fetchApart(), fetchApart()]);
    for (const run of runs) {
      assert.deepEqual(run.stdout.split("\n"), [join(server.folder, `${SHA256}.onnx`), "without the AWS SDK"], run.all);
    }
    assert.equal(open, 3);
    await assertFetched();
  });

  it("go on with what one leaves that is killed, however soon", async () => {
    const first = Promise.withResolvers<void>();
    await server.reset(
      sendInTwo(new Promise(() => {}), () => setTimeout(first.resolve, 300)),
      file(),
    );
    const victim = fetchApart();
    await first.promise;
    victim.kill("SIGKILL");
    await victim;
    assert.match((await server.files()).join(), /\.partial$/);
    const run = await fetchApart();
    assert.equal(run.exitCode, 0, run.all);
    assert.match(server.requests[1]?.range ?? "", /^bytes=[1-9]\d+-$/);
    await assertFetched();
  });

  it("lose an attempt and nothing else when a partial file that is being written is removed", async () => {
    const first = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    await server.reset(
      sendInTwo(go.promise, () => setTimeout(first.resolve, 300)),
      file(),
    );
    const run = fetchApart();
    await first.promise;
    for (const name of await server.files()) await rm(join(server.folder, name));
    go.resolve();
    assert.equal((await run).exitCode, 0, (await run).all);
    assert.equal(server.requests.length, 2);
    await assertFetched();
  });

  it("take what another one has brought while they wait", async () => {
    const go = Promise.withResolvers<void>();
    const failing: Behaviour = async (_request, response) => {
      await writeFile(join(server.folder, `${SHA256}.onnx`), CONTENT);
      response.writeHead(503).end();
      go.resolve();
    };
    await server.reset(failing);
    assert.equal((await fetchApart()).exitCode, 0);
    await go.promise;
    assert.equal(server.requests.length, 1);
    await assertFetched();
  });
});

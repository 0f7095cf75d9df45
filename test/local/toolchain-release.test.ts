import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../local/errors.ts";
import { PINS, type Release } from "../../local/toolchain/pins.ts";
import { download, hostAnswers, unpack } from "../../local/toolchain/release.ts";

const CONTENT = randomBytes(300_000);
const signal = new AbortController().signal;

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

describe("official releases", () => {
  let folder: string;
  let server: Server;
  let url: string;
  let ranges: (string | undefined)[];
  /** How many bytes of each answer are sent before the connection breaks. */
  let breakAfter: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-release-"));
    ranges = [];
    breakAfter = Number.POSITIVE_INFINITY;
    server = createServer(serve).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tool.tar.gz`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const { range } = request.headers;
    ranges.push(range);
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const rest = CONTENT.subarray(from);
    response.writeHead(range === undefined ? 200 : 206, { "content-length": rest.length });
    if (rest.length <= breakAfter) response.end(rest);
    else response.write(rest.subarray(0, breakAfter), () => setTimeout(() => response.destroy(), 50));
  }

  const release = (digest = sha256(CONTENT)): Release => ({ url, algorithm: "sha256", digest, folder: "a/b" });

  it("continues a download that breaks off where it stopped", async () => {
    breakAfter = 200_000;
    const file = await download(release(), folder, signal);
    assert.deepEqual(await readFile(file), CONTENT);
    const [first, ...others] = ranges;
    assert.equal(first, undefined);
    assert.ok(others.length > 0);
    // What has just come may still be on its way to the disk.
    let came = 0;
    for (const range of others) {
      const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1]);
      assert.ok(from > came && from <= came + breakAfter, `${range} after ${came} bytes`);
      came = from;
    }
  });

  it("continues what an interrupted run has left, and does not ask again for what is complete", async () => {
    breakAfter = 100_000;
    const interrupt = new AbortController();
    // What has just come may still be on its way to the disk.
    const stop = (bytes: number) => {
      if (bytes >= 100_000) setTimeout(() => interrupt.abort(new UserError("Interrupted.")), 20);
    };
    await assert.rejects(download(release(), folder, interrupt.signal, stop), /Interrupted/);
    breakAfter = Number.POSITIVE_INFINITY;
    const before = ranges.length;
    assert.deepEqual(await readFile(await download(release(), folder, signal)), CONTENT);
    assert.match(`${ranges[before]}`, /^bytes=[1-9]\d*-$/);
    const asked = ranges.length;
    await download(release(), folder, signal);
    assert.equal(ranges.length, asked);
  });

  it("refuses and removes what does not have the pinned checksum", async () => {
    await assert.rejects(download(release("0".repeat(64)), folder, signal), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, new RegExp(`Expected sha256 0{64} .* but received ${sha256(CONTENT)}`));
      return true;
    });
    assert.deepEqual(await readdir(folder), []);
  });

  it("gives up with advice when the host breaks every connection", async () => {
    breakAfter = 0;
    await assert.rejects(download(release(), folder, signal), /broke off 5 times.*Run the same command again/s);
  });

  it("finds out that a host answers, refuses, or stays silent", async () => {
    assert.equal(await hostAnswers({ url }), true);
    const silent = createTcpServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    assert.equal(await hostAnswers({ url: `http://127.0.0.1:${port}/x` }), false);
    silent.close();
    assert.equal(await hostAnswers({ url: "http://127.0.0.2:9/x" }), false);
  });

  it("unpacks the executables and nothing else", async () => {
    await mkdir(join(folder, "a", "b"), { recursive: true });
    for (const name of ["etcd", "other"]) {
      await writeFile(join(folder, "a", "b", name), name);
      await chmod(join(folder, "a", "b", name), 0o755);
    }
    await execa("tar", ["-czf", "archive.tar.gz", "a"], { cwd: folder });
    const [pin] = PINS;
    assert.ok(pin?.id === "etcd");
    await unpack(join(folder, "archive.tar.gz"), pin, release(), join(folder, "into"), signal);
    assert.deepEqual(await readdir(join(folder, "into")), ["etcd"]);
  });

  it("are pinned by digests of the right length", () => {
    for (const { releases, title } of PINS) {
      for (const pinned of Object.values(releases ?? {})) {
        assert.match(
          pinned?.digest ?? "",
          pinned?.algorithm === "sha512" ? /^[0-9a-f]{128}$/ : /^[0-9a-f]{64}$/,
          title,
        );
      }
    }
  });
});

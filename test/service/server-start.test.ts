import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Server } from "./server-process.ts";
import { environment, modelEntry, modelPath } from "./support.ts";

describe("server, at its start", () => {
  const servers: Server[] = [];
  const start = (...args: ConstructorParameters<typeof Server>) => {
    const server = new Server(...args);
    servers.push(server);
    return server;
  };
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-server-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.process.kill("SIGKILL");
      await server.exit;
    }
  });

  /** Expects a start to fail with code 1 and a message without a stack trace. */
  const assertRefuses = async (env: Record<string, string>, args: string[] | undefined, ...parts: RegExp[]) => {
    const server = start(env, args);
    assert.equal((await server.exit)[0], 1, server.output);
    for (const part of parts) assert.match(server.output, part);
    assert.doesNotMatch(server.output, /^\s+at /m);
  };

  it("names all problems of its environment and exits with 1", async () => {
    await assertRefuses(
      { WORKERS: "many", PIXEL_LIMIT: "-1" },
      undefined,
      /MODELS: .*not set/,
      /WORKERS: .*many/,
      /PIXEL_LIMIT/,
      /--help/,
    );
  });

  it("refuses a model that is missing, is no model, or is another one", async () => {
    await assertRefuses(
      environment("raw", { MODELS: `a=file:///nowhere.onnx@sha256:${"0".repeat(64)}` }),
      undefined,
      /\/nowhere\.onnx.*no such file/,
    );
    const other = `a=${pathToFileURL(modelPath("raw"))}@sha256:${"0".repeat(64)}`;
    await assertRefuses(environment("raw", { MODELS: other }), undefined, /SHA-256 0000/);
    const text = join(folder, "text.onnx");
    await writeFile(text, "not a model");
    await assertRefuses(environment("raw", { MODELS: modelEntry("a", text) }), undefined, /Expected an ONNX model/);
  });

  it("refuses a model whose graph ONNX Runtime cannot load", async () => {
    const content = await readFile(modelPath("raw"));
    // The same length, but an operator that does not exist.
    const broken = Buffer.from(content.toString("latin1").replaceAll("AveragePool", "AveragePoof"), "latin1");
    const path = join(folder, "broken.onnx");
    await writeFile(path, broken);
    const env = environment("raw", { MODELS: modelEntry("a", path) });
    await assertRefuses(env, undefined, /Expected a model that ONNX Runtime can load.*AveragePoof/s);
  });

  it("refuses a port that is taken, and options that it does not know", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? String(address.port) : "";
    try {
      await assertRefuses(
        environment("raw"),
        ["--port", port, "--host", "127.0.0.1"],
        new RegExp(`port ${port}.*something else listens`),
      );
    } finally {
      taken.close();
    }
    await assertRefuses(environment("raw"), ["--port", "http"], /--port.*"http"/);
    await assertRefuses(environment("raw"), ["--prot", "1"], /--prot/, /--help/);
  });

  it("refuses API keys that it cannot use, before it listens, and prints none of them", async () => {
    const keys = join(folder, "api-keys");
    await writeFile(keys, "web:my-secret-key\nbatch");
    const env = environment("raw", { API_KEYS_FILE: keys, LOG_LEVEL: "info" });
    await assertRefuses(env, undefined, /Invalid API keys in .*api-keys.*\n {2}line 1: .*\n {2}line 2: /);
    assert.doesNotMatch(servers.at(-1)?.output ?? "", /my-secret-key|listening/);
    await assertRefuses(environment("raw", { API_KEYS_FILE: "/nowhere" }), undefined, /\/nowhere \(API_KEYS_FILE\)/);
  });

  it("explains its settings", async () => {
    const server = start({}, ["--help"]);
    assert.equal((await server.exit)[0], 0);
    assert.match(server.output, /QUEUE_LIMIT .*default: 64/);
  });
});

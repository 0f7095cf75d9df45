import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../../local/paths.ts";
import { DETECT_USAGE } from "../../service/client/cli/usage.ts";
import { CLIENT_CODES, type PredictResponse } from "../../service/client/index.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { modelEntry } from "./support.ts";

/** Address in the examples of `docs/client.md`. */
const HERE = "http://localhost:8080";

describe("docs/client.md", function () {
  this.timeout(120_000);
  let text: string;
  let service: RunningApp;
  let url: string;
  let folder: string;
  before(async () => {
    text = await readFile(join(ROOT, "docs/client.md"), "utf8");
    service = await startApp("raw", { MODELS: modelEntry("street", join(ROOT, "models/street.onnx")) });
    await service.app.listen({ host: "127.0.0.1", port: 0 });
    url = `http://127.0.0.1:${(service.app.server.address() as AddressInfo).port}`;
    folder = await mkdtemp(join(tmpdir(), "yolo-client-docs-"));
    for (const name of ["local", "package.json", "samples", "service", "test"]) {
      await symlink(join(ROOT, name), join(folder, name));
    }
  });
  after(async () => {
    await service.close();
    await rm(folder, { recursive: true, force: true });
  });

  function blocks(language: string, info = ""): string[] {
    return [...text.matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm)].flatMap(([, name, about = "", code = ""]) => {
      return name === language && about.trim() === info ? [code] : [];
    });
  }

  /** Runs a program where the examples expect to be. */
  async function run(file: string, args: string[]): Promise<{ code: number | undefined; out: string; err: string }> {
    const env = { YOLO_URL: url, KEY: "key", npm_config_update_notifier: "false" };
    const { exitCode, stdout, stderr } = await execa(file, args, { cwd: folder, env, reject: false, timeout: 60_000 });
    return { code: exitCode, out: stdout, err: stderr };
  }

  /** Milliseconds are never the same. */
  const timeless = (output: string) => output.replaceAll(/in \d+ ms/g, "in N ms").trim();

  it("has examples of the shell that do what they say, and shows the table as it is", async () => {
    const [alias = ""] = blocks("sh", "alias");
    assert.match(alias, /^alias yolo=/);
    const [table = ""] = blocks("text");
    for (const code of blocks("sh")) {
      const script = `shopt -s expand_aliases\n${alias}${code.replaceAll(HERE, url)}`;
      const { code: exitCode, out, err } = await run("bash", ["-euc", script]);
      assert.equal(exitCode, 0, `${code}\n${out}\n${err}`);
      if (code.startsWith("npm run yolo")) assert.ok(timeless(out).endsWith(timeless(table)), timeless(out));
    }
    const [line] = (await readFile(join(folder, "found.ndjson"), "utf8")).split("\n");
    const document = JSON.parse(line ?? "") as PredictResponse & { file: string };
    assert.equal(document.file, "samples/street.jpg");
    assert.deepEqual(document.images[0]?.shape, [720, 1280]);
    await assertJpeg("drawn/street.jpg");
  });

  it("has examples of TypeScript that do what they say", async () => {
    const outputs: string[] = [];
    for (const code of blocks("ts")) {
      await writeFile(join(folder, "example.ts"), code.replaceAll(HERE, url));
      const { code: exitCode, out, err } = await run(process.execPath, ["example.ts"]);
      assert.equal(exitCode, 0, `${code}\n${err}`);
      outputs.push(out);
    }
    const [found, , video, failed] = outputs;
    assert.match(found ?? "", /^street [\w ]+ 0\.\d+ \{ x1: /);
    await assertJpeg("drawn.jpg");
    assert.match(video ?? "", /^1 [\w ]+ \d+(, [\w ]+ \d+)*\n2 [\s\S]*\n5 [\w ]+ \d+(, [\w ]+ \d+)*$/);
    assert.match(failed ?? "", /^YOLO_IMAGE_UNREADABLE 400 Expected /);
  });

  async function assertJpeg(name: string): Promise<void> {
    const [first, second] = await readFile(join(folder, name));
    assert.deepEqual([first, second], [0xff, 0xd8], name);
  }

  /** The first cells of the rows of all tables, without backticks. */
  function firstCells(): string[] {
    return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = ""]) => cell);
  }

  it("names every option of yolo detect, and no other", () => {
    const described = firstCells().filter((cell) => cell.startsWith("--"));
    const real = [...DETECT_USAGE.matchAll(/^ {2}(--[a-z-]+(?: [A-Z]+)?) /gm)].map(([, option = ""]) => option);
    assert.ok(real.length > 10);
    assert.deepEqual(described.toSorted(), real.toSorted());
  });

  it("names every code of the client, and no other", () => {
    assert.deepEqual(
      firstCells()
        .filter((cell) => cell.startsWith("YOLO_"))
        .toSorted(),
      Object.values(CLIENT_CODES).toSorted(),
    );
  });
});

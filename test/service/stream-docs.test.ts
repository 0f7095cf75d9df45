import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../../local/paths.ts";
import { PATHS } from "../../service/contract.ts";
import { ERRORS, type ErrorCode } from "../../service/src/errors.ts";
import { openapiDocument } from "../../service/src/openapi/document.ts";
import { SCHEMAS } from "../../service/src/openapi/schemas.ts";
import { MOST_STREAMS } from "../../service/src/routes/stream.ts";
import { STREAM_LIMITS } from "../../service/src/stream/session.ts";
import { MEMORY_FRAMES } from "../../service/src/tracking/tracker.ts";
import { startBrowser } from "../support/browser.ts";
import { DocsPage } from "./docs-page.ts";
import { cameraFlags, filmFrames, startService } from "./page-visit.ts";

/** Host and port in the examples of the page. */
const HERE = "localhost:8080";

/** What curl exits with under `--fail-with-body` when the answer is an error (https://curl.se/docs/manpage.html). */
const ERROR_ANSWER = 22;

describe("docs/stream.md", () => {
  let page: DocsPage;
  before(async () => {
    page = await DocsPage.read("stream.md");
  });

  /** The only example in a language. */
  function example(language: string): string {
    const [block, ...others] = page.blocks.filter((one) => one.language === language);
    assert.ok(block !== undefined && others.length === 0, language);
    return block.code;
  }

  it("names every refusal with its status, and codes of frames that there are", () => {
    const refusals = page.tableBelow("### When it is refused").map(([status, code]) => [code, Number(status)] as const);
    for (const [code = "", status] of refusals) assert.equal(ERRORS[code as ErrorCode]?.status, status, code);
    const described = openapiDocument({ apiKeysFile: "keys", rateLimitPerMinute: 1 }, undefined).paths[PATHS.stream];
    // An upgrade is no refusal, and the others can happen to any request.
    const others = ["101", "408", "431", "500"];
    const statuses = Object.keys(described?.get?.responses ?? {}).filter((status) => !others.includes(status));
    assert.deepEqual([...new Set(refusals.map(([, status]) => String(status)))].toSorted(), statuses.toSorted());
    const codes = page.tableBelow("### Errors of frames").flatMap(([names = ""]) => names.split(", "));
    assert.ok(codes.length >= 7);
    for (const code of codes) assert.ok(code in ERRORS, code);
  });

  it("tells the limits that hold", () => {
    const { idleMs, readMs, pingMs } = STREAM_LIMITS;
    assert.ok(page.includes(`no frame came for ${idleMs / 1000} s`));
    assert.ok(page.includes(`not read within ${readMs / 1000} s`));
    assert.ok(page.includes(`Every ${pingMs / 1000} s the service sends a ping`));
    assert.ok(page.includes(`${MOST_STREAMS} streams are open at most`));
    assert.ok(page.includes(`keeps its number for ${MEMORY_FRAMES} frames`));
  });

  it("shows messages as they are", () => {
    const messages = page.blocks.filter(({ language }) => language === "json").map(({ code }) => JSON.parse(code));
    assert.deepEqual(
      messages.map(({ type }) => type),
      ["result", "error"],
    );
    for (const message of messages) assert.deepEqual(SCHEMAS.StreamMessage.parse(message), message);
  });

  describe("examples", function () {
    this.timeout(120_000);
    let folder: string;
    let pages: Server;
    let origin: string;
    let service: Awaited<ReturnType<typeof startService>>;
    let address: string;
    let frames: Buffer[];

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "yolo-stream-docs-"));
      for (const name of ["samples", "service"]) await symlink(join(ROOT, name), join(folder, name));
      frames = await filmFrames();
      pages = createServer(async (_request, response) => {
        response.setHeader("content-type", "text/html");
        response.end(example("html").replaceAll(HERE, address));
      });
      pages.listen(0, "127.0.0.1");
      await once(pages, "listening");
      origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
      service = await startService({ CORS_ORIGINS: origin });
      address = new URL(service.address).host;
    });
    after(async () => {
      await service?.close();
      pages?.close();
      await rm(folder, { recursive: true, force: true });
    });

    /** Runs a program of the page. */
    async function run(name: string, code: string): Promise<string> {
      const program = code.replaceAll(HERE, address);
      assert.notEqual(program, code);
      await writeFile(join(folder, name), program);
      const { stdout } = await execa(process.execPath, [name], { cwd: folder, timeout: 60_000 });
      return stdout;
    }

    it("by Node's WebSocket show a photo's objects five times, with the same numbers", async () => {
      const lines = (await run("stream.mjs", example("js"))).split("\n");
      assert.equal(lines.length, 6);
      assert.match(lines[0] ?? "", /^1 \w.* #1, /);
      for (const [i, line] of lines.slice(0, 5).entries()) {
        assert.equal(line.replace(/^\d+/, ""), lines[0]?.replace(/^\d+/, ""));
        assert.ok(line.startsWith(`${i + 1} `));
      }
      assert.match(lines[5] ?? "", /^closed 1000/);
    });

    it("by the client count the objects of a film, not its frames", async () => {
      await mkdir(join(folder, "frames"));
      for (const [i, frame] of frames.slice(0, 10).entries()) {
        await writeFile(join(folder, "frames", `${String(i).padStart(6, "0")}.jpg`), frame);
      }
      const said = await run("stream.mts", example("ts"));
      const [, count = ""] = /^(\d+) objects: [a-z ,]+$/.exec(said) ?? [];
      assert.ok(Number(count) >= 5 && Number(count) <= 25, said);
    });

    it("by a page of another origin list what the camera sees", async () => {
      const film = join(folder, "film.mjpeg");
      await writeFile(film, Buffer.concat(frames));
      const browser = await startBrowser({ args: cameraFlags(film) });
      try {
        const tab = await browser.context.newPage();
        const failures: string[] = [];
        tab.on("pageerror", (error) => failures.push(String(error)));
        await tab.goto(`${origin}/camera.html`);
        await tab.locator("#seen", { hasText: /^(car|truck|bus|person|bicycle|traffic light) #\d+ \d+%$/m }).waitFor();
        assert.deepEqual(failures, []);
      } finally {
        await browser.close();
      }
    });

    it("by curl say what is wrong with a stream", async () => {
      await writeFile(join(folder, ".curlrc"), "fail-with-body\nsilent\nnoproxy = *\n");
      const script = example("sh").replaceAll(HERE, address);
      const env = { CURL_HOME: folder };
      const ran = await execa("bash", ["-euc", script], { cwd: folder, env, reject: false });
      assert.equal(ran.exitCode, ERROR_ANSWER);
      assert.match(ran.stdout, /YOLO_PARAMETER_INVALID.*track/);
    });
  });
});

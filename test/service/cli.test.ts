import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import sharp from "sharp";
import { Progress } from "../../service/client/cli/progress.ts";
import { printable } from "../../service/client/cli/report.ts";
import type { PredictResponse } from "../../service/contract.ts";
import { blocks } from "./generate.ts";
import { answer, EMPTY_ANSWER, refuse, ScriptedServer } from "./scripted-server.ts";
import { Server } from "./server-process.ts";
import { environment, FIXTURES, png, sha256 } from "./support.ts";

const CLI = join(import.meta.dirname, "../../service/client/cli.ts");

interface Run {
  code: number | null;
  out: string;
  err: string;
}

interface RunOptions {
  cwd?: string;
  input?: Uint8Array;
  env?: Record<string, string>;
  /** Is given the process once it runs. */
  meanwhile?(process: ChildProcessByStdio<Writable, Readable, Readable>): void;
}

async function yolo(args: string[], { cwd, input, env = {}, meanwhile }: RunOptions = {}): Promise<Run> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: "pipe",
  });
  const run: Run = { code: null, out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    run.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    run.err += text;
  });
  if (meanwhile === undefined || input !== undefined) child.stdin.end(input);
  meanwhile?.(child);
  [run.code] = (await once(child, "close")) as [number | null];
  return run;
}

const lines = (text: string) => text.split("\n").filter((line) => line !== "");

describe("yolo", () => {
  let folder: string;
  let photos: string;
  let server: Server;
  let url: string;
  let image: Buffer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-cli-"));
    photos = join(folder, "photos");
    await writeFile(join(folder, "keys"), `me:${sha256(Buffer.from("secret"))}\n`);
    server = new Server(environment("raw", { LOG_LEVEL: "info", API_KEYS_FILE: join(folder, "keys") }));
    image = await png(blocks(200, 120, 21), 200, 120);
    await mkdir(join(photos, "below"), { recursive: true });
    await mkdir(join(photos, ".hidden"));
    await writeFile(join(photos, "a.png"), image);
    await copyFile(join(FIXTURES, "sideways.jpg"), join(photos, "below", "b.JPG"));
    await writeFile(join(photos, "below", "c.gif"), "no image");
    await writeFile(join(photos, "notes.txt"), "text");
    await writeFile(join(photos, ".hidden", "d.png"), image);
    await symlink(photos, join(photos, "circle"));
    await symlink(join(photos, "a.png"), join(photos, "z.png"));
    url = await server.ready();
  });
  after(async () => {
    server.process.kill("SIGTERM");
    await server.exit;
    await rm(folder, { recursive: true, force: true });
  });
  const asked = (args: string[], more: RunOptions = {}) => {
    return yolo(args, { cwd: folder, ...more, env: { YOLO_URL: url, YOLO_API_KEY: "secret", ...more.env } });
  };

  describe("detect", () => {
    it("prints a line for the photo and an aligned table of what is on it", async () => {
      const { code, out, err } = await asked(["detect", "photos/a.png", "--conf", "0.3"]);
      assert.equal(code, 0);
      assert.equal(err, "");
      const [head, columns, ...rows] = lines(out);
      assert.match(head ?? "", /^photos\/a\.png: 200x120, \d+ objects? by colours in \d+ ms$/);
      assert.match(columns ?? "", /^ {2}class +confidence +x1 +y1 +x2 +y2$/);
      assert.equal(rows.length, Number(/, (\d+) object/.exec(head ?? "")?.[1]));
      for (const row of rows) assert.match(row, /^ {2}\S.* 0\.\d\d +\d+ +\d+ +\d+ +\d+$/);
      assert.equal(new Set([columns, ...rows].map((row) => row?.length)).size, 1);
    });

    it("takes images out of folders and those below, goes on after a bad one, and says so at the end", async () => {
      const { code, out, err } = await asked(["detect", "photos"]);
      assert.equal(code, 1);
      const heads = out.match(/^\S+:/gm);
      assert.deepEqual(heads, ["photos/a.png:", "photos/below/b.JPG:", "photos/z.png:"]);
      assert.match(err, /^yolo: photos\/below\/c\.gif: Expected .* \(YOLO_IMAGE_UNREADABLE, request [0-9a-f-]+\)$/m);
      assert.match(err, /^3 of 4 photos answered, \d+ objects, [\d.]+ s\n1 failed:\n {2}photos\/below\/c\.gif\n$/m);
      assert.ok(!err.includes("\u001b"));
    });

    it("prints one JSON document a line with --json, in the order of the photos, errors among them", async () => {
      const { code, out } = await asked([
        "detect",
        "photos/below",
        "missing.png",
        "photos/a.png",
        "--json",
        "--concurrency",
        "8",
      ]);
      assert.equal(code, 1);
      const documents = lines(out).map(
        (line) => JSON.parse(line) as { file: string; error?: { code: string } } & PredictResponse,
      );
      assert.deepEqual(
        documents.map(({ file, error, images }) => [file, error?.code ?? images.length]),
        [
          ["photos/below/b.JPG", 1],
          ["photos/below/c.gif", "YOLO_IMAGE_UNREADABLE"],
          ["missing.png", "YOLO_FILE_UNREADABLE"],
          ["photos/a.png", 1],
        ],
      );
      assert.deepEqual(documents[3]?.images[0]?.shape, [120, 200]);
    });

    it("reads a photo from standard input", async () => {
      const { code, out } = await asked(["detect", "-", "--json"], { input: image });
      assert.equal(code, 0);
      assert.equal((JSON.parse(out) as { file: string }).file, "-");
    });

    it("writes drawn photos with --output, under their names, and leaves nothing half-written", async () => {
      const { code, out } = await asked(["detect", "photos", "--output", "drawn"]);
      assert.equal(code, 1);
      assert.deepEqual((await readdir(join(folder, "drawn"), { recursive: true })).sort(), [
        "a.png.jpg",
        "below",
        "below/b.jpg",
        "z.png.jpg",
      ]);
      assert.match(out, /^photos\/a\.png -> \S+\/drawn\/a\.png\.jpg$/m);
      const { format, width, height } = await sharp(join(folder, "drawn", "a.png.jpg")).metadata();
      assert.deepEqual([format, width, height], ["jpeg", 200, 120]);
    });

    it("writes over no photo that it was given", async () => {
      const photo = join(folder, "over.jpg");
      await copyFile(join(FIXTURES, "sideways.jpg"), photo);
      const { code, err } = await asked(["detect", "over.jpg", "--output", "."]);
      assert.equal(code, 2);
      assert.match(err, /would be written over/);
      assert.deepEqual(await readFile(photo), await readFile(join(FIXTURES, "sideways.jpg")));
    });

    it("takes classes by name or index, and names those there are when one is unknown", async () => {
      const names = async (classes: string) => {
        const { out } = await asked(["detect", "photos/a.png", "--json", "--classes", classes]);
        const { images } = JSON.parse(out) as PredictResponse;
        return [...new Set(images[0]?.results.map(({ name }) => name))];
      };
      const all = await names("0,1,2");
      assert.ok(all.length > 1);
      for (const name of all) assert.deepEqual(await names(name.toUpperCase()), [name]);
      const { code, err } = await asked(["detect", "photos/a.png", "--classes", "unicorn"]);
      assert.equal(code, 2);
      assert.match(err, /"unicorn"/);
      assert.ok(err.includes(all[0] ?? "?"));
    });

    it("sends the key of a file, and stops at once where the key is refused", async () => {
      await writeFile(join(folder, "key"), "secret\n");
      const env = { YOLO_API_KEY: "wrong" };
      assert.equal((await asked(["detect", "photos/a.png", "--key-file", "key"], { env })).code, 0);
      const { code, err } = await asked(["detect", "photos", "photos", "photos", "--concurrency", "1"], { env });
      assert.equal(code, 1);
      assert.equal(err.match(/YOLO_KEY_INVALID/g)?.length, 1);
      assert.match(err, /^11 not asked about/m);
    });

    it("fails on a folder without images, and on a service that is not there", async () => {
      await mkdir(join(folder, "empty"));
      const empty = await asked(["detect", "empty"]);
      assert.deepEqual([empty.code, empty.out], [1, ""]);
      assert.match(empty.err, /empty: Expected images in this folder/);
      const gone = await ScriptedServer.start();
      gone.close();
      const { code, err } = await asked(["detect", "photos/a.png", "--retries", "0"], { env: { YOLO_URL: gone.url } });
      assert.equal(code, 1);
      assert.match(err, /ECONNREFUSED.*YOLO_SERVICE_UNREACHABLE/);
    });

    it("waits as Retry-After asks, and ends with 130 on Ctrl-C while it waits", async () => {
      const busy = await ScriptedServer.start(
        refuse(503, "YOLO_QUEUE_FULL", { "retry-after": "0" }),
        answer(200, EMPTY_ANSWER),
        refuse(503, "YOLO_QUEUE_FULL", { "retry-after": "25" }),
      );
      const env = { YOLO_URL: busy.url };
      assert.equal((await asked(["detect", "photos/a.png"], { env })).code, 0);
      const { code, err } = await asked(["detect", "photos"], {
        env,
        meanwhile: (child) => {
          const timer = setInterval(() => {
            if (busy.requests.length < 3) return;
            child.kill("SIGINT");
            clearInterval(timer);
          }, 10);
        },
      });
      busy.close();
      assert.equal(code, 130);
      assert.equal(err, "Interrupted.\n");
    });

    it("ends with 130 on Ctrl-C while it waits for standard input", async () => {
      const { code, err } = await asked(["detect", "-"], {
        meanwhile: (child) => setTimeout(() => child.kill("SIGINT"), 1500),
      });
      assert.deepEqual([code, err], [130, "Interrupted.\n"]);
    });

    it("ends quietly when nobody reads its output any more", async () => {
      const many = Array.from({ length: 40 }, () => "photos/a.png");
      const { code, err } = await asked(["detect", ...many, "--json"], {
        meanwhile: (child) => child.stdout.once("data", () => child.stdout.destroy()),
      });
      assert.equal(code, 141);
      assert.equal(err, "");
    });

    it("shows progress on a terminal, for folders only, and takes it away at the end", async () => {
      const onTerminal = async (photo: string) => {
        const command = `'${process.execPath}' '${CLI}' detect '${photo}' --json >out.ndjson`;
        const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
          cwd: folder,
          env: { PATH: process.env.PATH, TERM: "xterm", YOLO_URL: url, YOLO_API_KEY: "secret" },
          stdio: ["ignore", "pipe", "inherit"],
        });
        let shown = "";
        for await (const chunk of child.stdout.setEncoding("utf8")) shown += chunk;
        return shown;
      };
      const shown = await onTerminal("photos/below");
      assert.ok(shown.startsWith(`\r[${".".repeat(24)}] 0/2 photos\u001b[K`), shown);
      assert.ok(shown.includes("\r\u001b[K1 of 2 photos answered"), shown);
      assert.equal(lines(await readFile(join(folder, "out.ndjson"), "utf8")).length, 2);
      assert.equal(await onTerminal("photos/a.png"), "");
    });
  });

  it("prints help and its version", async () => {
    for (const [args, part] of [
      [["--help"], /yolo detect PHOTO/],
      [["detect", "--help"], /--concurrency NUMBER/],
      [["info", "--help"], /--json/],
      [["--version"], /^\d+\.\d+\.\d+$/m],
    ] as const) {
      const { code, out, err } = await yolo([...args]);
      assert.deepEqual([code, err], [0, ""]);
      assert.match(out, part);
    }
  });

  it("shows what the service runs, for people and as JSON", async () => {
    const { code, out } = await asked(["info"]);
    assert.equal(code, 0);
    assert.match(
      out,
      /^ {2}model +task +layout +input +classes\n {2}colours +detect +raw +\d+x\d+ +3\n {2}on cpu, 1 worker/,
    );
    const json = await asked(["info", "--json"]);
    assert.equal((JSON.parse(json.out) as { provider: string }).provider, "cpu");
  });

  const mistakes: [string[], RegExp][] = [
    [[], /Expected detect or info but received no command/],
    [["find"], /received "find"/],
    [["detect"], /at least one photo/],
    [["detect", "a.png"], /--url or in the variable YOLO_URL/],
    [["detect", "a.png", "--url", "localhost:8080"], /http: or https: address.*localhost:8080/],
    [["detect", "a.png", "--url", "http://a", "--conf", "2"], /from 0\.01 to 1 for --conf but received "2"/],
    [["detect", "a.png", "--url", "http://a", "--imgsz", "64.5"], /a whole number from 32 to 1280 for --imgsz/],
    [["detect", "a.png", "--url", "http://a", "--concurrency", "0"], /--concurrency/],
    [["detect", "a.png", "--url", "http://a", "--classes", "a,,b"], /--classes/],
    [["detect", "a.png", "--url", "http://a", "--json", "--output", "x"], /--json or --output/],
    [["detect", "a.png", "--url", "http://a", "--key-file", "/nowhere"], /--key-file.*ENOENT/],
    [["detect", "a.png", "--url", "http://a", "--colour"], /--colour/],
    [["detect", "-", "-", "--url", "http://a"], /- once/],
    [["info", "more", "--url", "http://a"], /more/],
  ];
  for (const [args, expected] of mistakes) {
    it(`refuses "${["yolo", ...args].join(" ")}" with exit code 2 and without a stack trace`, async () => {
      const { code, out, err } = await yolo(args);
      assert.deepEqual([code, out], [2, ""]);
      assert.match(err, expected);
      assert.doesNotMatch(err, /^ +at /m);
    });
  }
});

describe("text for a terminal", () => {
  it("has no control characters, whatever a file or a class is called", () => {
    assert.equal(printable("a\u001b[31mb\nc\u202e"), "a\ufffd[31mb\ufffdc\ufffd");
    assert.equal(printable("Bär 熊"), "Bär 熊");
  });
});

describe("the progress bar", () => {
  it("is never wider than the terminal, and steps aside", () => {
    let written = "";
    const bar = new Progress({ columns: 30, write: (text) => (written += text) }, 3);
    bar.clear();
    bar.advance(true);
    bar.clear();
    bar.advance(false);
    bar.clear();
    const drawn = written.split("\r").filter((line) => line.startsWith("["));
    assert.deepEqual(
      drawn.map((line) => line.slice(0, 29)),
      ["[........................] 0/", "[########................] 1/", "[################........] 2/"],
    );
    for (const line of drawn) assert.equal(line.replace("\u001b[K", "").length, 29);
    assert.ok(written.endsWith("\r\u001b[K"));
  });
});

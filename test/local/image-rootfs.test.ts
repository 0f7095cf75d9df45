import assert from "node:assert/strict";
import { globSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { after, before, describe, it } from "mocha";
import { allowedFiles } from "../../local/image/allow-list.ts";
import { PACKAGES_LABEL } from "../../local/image/detector.ts";
import { buildDetectorImage } from "../../local/image/index.ts";
import type { ImageConfig } from "../../local/image/oci.ts";
import { sha256OfFile } from "../../local/image/store.ts";
import { CACHE_DIR, ROOT } from "../../local/paths.ts";
import { ENVIRONMENT, PATHS, PORTS, type PredictResponse } from "../../service/contract.ts";
import { readContents, unpack } from "./image-contents.ts";

const FIXTURES = join(ROOT, "test/fixtures");

/** A cold cache means npm, apt and a few hundred megabytes of hashing, on two cores that others use too. */
const BUILD_TIMEOUT_MS = 5 * 60_000;

const signal = new AbortController().signal;

function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}

describe("the detector's image", () => {
  let folder: string;
  let root: string;
  let config: ImageConfig;

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    folder = mkdtempSync(join(tmpdir(), "yolo-image-"));
    root = join(folder, "root");
    const image = await buildDetectorImage({ signal });
    ({ config } = readContents(image).config);
    await unpack(image, root);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  function everyPath(): string[] {
    return readdirSync(root, { recursive: true, encoding: "utf8" });
  }

  /**
   * Starts the image's entrypoint in the image's own root: read-only but for /tmp, as its own user, with nothing of this
   * process's environment, in a network that has only a loopback. The returned process is the entrypoint itself.
   */
  function startInImage(args: string[], environment: Record<string, string> = {}, mounts: string[] = []) {
    const { Entrypoint, Env = [], User, WorkingDir = "/" } = config;
    const command = [
      "ip link set lo up",
      `mount --bind ${root} ${root}`,
      `mount -o remount,bind,ro ${root}`,
      `mount -t tmpfs tmpfs ${root}/tmp`,
      `mount -t proc proc ${root}/proc`,
      ...mounts,
      `cd ${root}${WorkingDir}`,
      `exec chroot --userspec=${User} ${root} "$0" "$@"`,
    ].join(" && ");
    const fixed = Object.fromEntries(Env.map((entry) => entry.split("=")));
    return execa("unshare", ["--mount", "--net", "sh", "-c", command, Entrypoint[0] ?? "", ...args], {
      env: { PATH: process.env.PATH, ...fixed, ...environment },
      extendEnv: false,
      all: true,
    });
  }

  it("holds the application exactly as the allow-list says, outside node_modules", () => {
    const application = globSync("app/{*,service/**/*}", { cwd: root }).filter((path) =>
      lstatSync(join(root, path)).isFile(),
    );
    const allowed = allowedFiles(ROOT).filter((path) => path.startsWith("service/"));
    assert.deepEqual(
      application.sort(),
      allowed.map((path) => join("app", path)),
    );
  });

  it("has no shell, no package manager, no setuid or setgid file, and nothing but /tmp and its like that others may write", () => {
    const programs = everyPath().filter((path) => /^(?:usr\/(?:local\/)?)?s?bin\/[^/]+$/.test(path));
    assert.deepEqual(programs, ["usr/local/bin/node"]);
    for (const path of everyPath()) {
      const { mode } = lstatSync(join(root, path));
      if ((mode & 0o170000) === 0o120000) continue;
      assert.equal(mode & 0o6000, 0, `${path} is setuid or setgid`);
      if (mode & 0o022) assert.ok(["tmp", "var/tmp", "var/lock"].includes(path), `${path} is writable for others`);
    }
  });

  it("holds one platform's native code, no GPU provider, no TypeScript in node_modules, and no path of this machine", async () => {
    const paths = everyPath();
    const runtimes = paths.filter((path) => /onnxruntime-node\/bin\/napi-v\d+\/\w+\/\w+$/.test(path));
    assert.deepEqual(
      runtimes.map((path) => path.split("/").slice(-2)),
      [["linux", process.arch]],
    );
    assert.deepEqual(
      paths.filter((path) => /providers_(cuda|tensorrt)|musl|wasm32/.test(path)),
      [],
    );
    assert.deepEqual(
      paths.filter((path) => /node_modules\/.*\.[cm]?ts$/.test(path)),
      [],
    );
    assert.deepEqual(
      paths.filter((path) => lstatSync(join(root, path)).isSymbolicLink() && path.startsWith("app/")),
      [],
    );
    const grep = await execa("grep", ["-rlFI", "-e", ROOT, "-e", CACHE_DIR, `${root}/app`, `${root}/etc`], {
      reject: false,
    });
    assert.equal(grep.stdout, "");
  });

  it("names the Debian packages it consists of, for people and for scanners", () => {
    const label = config.Labels?.[PACKAGES_LABEL] ?? "";
    const names = label.split(", ").map((entry) => /^(\S+)=\S+ sha256:[0-9a-f]{64}$/.exec(entry)?.[1]);
    assert.ok(
      ["base-files", "libc6", "libstdc++6", "libatomic1"].every((name) => names.includes(name)),
      label,
    );
    assert.deepEqual(readdirSync(join(root, "var/lib/dpkg/status.d")).sort(), names.sort());
    assert.match(readFileSync(join(root, "var/lib/dpkg/status.d/libc6"), "utf8"), /^Package: libc6\n(.*\n)*Version: /);
  });

  it("loads every dependency of the service as its own user on a read-only root", async () => {
    const dependencies = Object.keys(readJson(join(ROOT, "service/package.json")).dependencies);
    const script = `
      import { createRequire } from "node:module";
      import { writeFileSync } from "node:fs";
      const require = createRequire("/app/service/src/server.ts");
      for (const name of ${JSON.stringify(dependencies)}) require(name);
      const jpeg = await require("sharp")({ create: { width: 8, height: 8, channels: 3, background: "red" } }).jpeg().toBuffer();
      const refused = [];
      for (const path of ["/app/x", "/x"]) try { writeFileSync(path, ""); } catch ({ code }) { refused.push(code); }
      writeFileSync("/tmp/x", "");
      console.log(JSON.stringify([process.version, process.getuid(), process.getgid(), jpeg.length > 100, refused]));`;
    const pinned = readJson(join(ROOT, "package.json")).optionalDependencies[`node-linux-${process.arch}`];
    const { stdout } = await startInImage(["--input-type=module", "--eval", script]);
    assert.deepEqual(JSON.parse(stdout), [`v${pinned}`, 65532, 65532, true, ["EROFS", "EROFS"]]);
  });

  it("starts the service, which detects what is on a photo and ends with 0 on SIGTERM", async () => {
    const model = join(FIXTURES, "colours-end-to-end.onnx");
    const server = startInImage(
      config.Entrypoint.slice(1),
      {
        [ENVIRONMENT.models]: `colours=file:///tmp/model.onnx@sha256:${await sha256OfFile(model)}`,
        [ENVIRONMENT.workers]: "1",
      },
      [`cp ${model} ${root}/tmp/model.onnx`, `chmod a+r ${root}/tmp/model.onnx`],
    );
    const client = `
      const url = "http://127.0.0.1:${PORTS.http}";
      const deadline = Date.now() + 20_000;
      const ready = () => fetch(url + "${PATHS.ready}").then(({ ok }) => ok, () => false);
      while (!(await ready()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
      const body = await (await import("node:fs/promises")).readFile("${join(FIXTURES, "sideways.jpg")}");
      const headers = { "content-type": "application/octet-stream" };
      console.log(await (await fetch(url + "${PATHS.predict}", { method: "POST", headers, body })).text());`;
    try {
      const inItsNetwork = [
        "--target",
        `${server.pid}`,
        "--net",
        process.execPath,
        "--input-type=module",
        "--eval",
        client,
      ];
      const { stdout } = await execa("nsenter", inItsNetwork).catch(async (error) => {
        server.kill("SIGKILL");
        throw new Error(`${error.message}\nThe service said:\n${(await server.catch((ended) => ended)).all}`);
      });
      const answer: PredictResponse = JSON.parse(stdout);
      assert.ok((answer.images[0]?.results.length ?? 0) > 0, stdout);
    } finally {
      server.kill("SIGTERM");
    }
    assert.equal((await server).exitCode, 0);
  });
});

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { after, before, describe, it } from "mocha";
import { binaryImage } from "../../local/image/index.ts";
import { ROOT } from "../../local/paths.ts";

const signal = new AbortController().signal;

/** Host process ids of a process's children, ended but unreaped ones included. */
function childrenOf(pid: number | undefined): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        return (
          Number(
            readFileSync(`/proc/${entry}/stat`, "utf8")
              .replace(/^.*\) \S+ /, "")
              .split(" ")[0],
          ) === pid
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function until<T>(what: string, found: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 200; tries++) {
    const value = found();
    if (value !== undefined) return value;
    await sleep(50);
  }
  return assert.fail(`timed out waiting for ${what}`);
}

describe("the image of one static program", () => {
  let folder: string;
  let pause: string;

  before(async function () {
    this.timeout(3 * 60_000);
    folder = mkdtempSync(join(tmpdir(), "yolo-binary-"));
    pause = join(folder, "pause");
    const cwd = join(ROOT, "local/toolchain/modules/pause");
    await execa("go", ["build", "-trimpath", "-o", pause, "."], { cwd, env: { CGO_ENABLED: "0" } });
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  async function build(options: { writableTmp?: boolean; user?: string; args?: string[] } = {}) {
    const image = await binaryImage({ name: "pause", binary: pause, dir: join(folder, "cache"), signal, ...options });
    const blob = (digest: string) => join(image.archive, "blobs/sha256", digest.slice("sha256:".length));
    const manifest = JSON.parse(readFileSync(blob(image.digest), "utf8"));
    const { config } = JSON.parse(readFileSync(blob(manifest.config.digest), "utf8"));
    return { image, config, layer: blob(manifest.layers[0].digest) };
  }

  it("holds that program and nothing else, and starts it as 65532", async () => {
    const { image, config, layer } = await build();
    assert.match(image.reference, /^docker\.io\/yolo\/pause@sha256:[0-9a-f]{64}$/);
    assert.deepEqual(config, { User: "65532:65532", Entrypoint: ["/pause"] });
    const { stdout } = await execa("tar", ["--list", "--verbose", "--numeric-owner", "--file", layer]);
    assert.deepEqual(
      stdout.split("\n").map((line) => line.split(/\s+/).filter((_, column) => [0, 1, 5].includes(column))),
      [
        ["drwxr-xr-x", "0/0", "./"],
        ["-rwxr-xr-x", "0/0", "./pause"],
      ],
    );
  });

  it("has another user, arguments and a /tmp for all when asked to, and the same digest when asked again", async () => {
    const options = { user: "0:0", args: ["--conf", "/etc/conf"], writableTmp: true };
    const { image, config, layer } = await build(options);
    assert.deepEqual(config, { User: "0:0", Entrypoint: ["/pause", "--conf", "/etc/conf"] });
    assert.match((await execa("tar", ["--list", "--verbose", "--file", layer])).stdout, /^drwxrwxrwt .* \.\/tmp\/$/m);
    assert.equal((await build(options)).image.digest, image.digest);
    assert.notEqual((await build()).image.digest, image.digest);
  });

  it("runs the pause program, which reaps orphans and ends with 0 on SIGTERM and on SIGINT", async () => {
    const { layer } = await build();
    const root = join(folder, "root");
    mkdirSync(root);
    await execa("tar", ["--extract", "--file", layer, "--directory", root]);
    for (const stop of ["SIGTERM", "SIGINT"] as const) {
      const run = execa("unshare", ["--pid", "--fork", "--kill-child", "chroot", root, "/pause"], { reject: false });
      const pid = await until("pause to start", () =>
        childrenOf(run.pid).find((child) => readFileSync(`/proc/${child}/comm`, "utf8") === "pause\n"),
      );
      await execa("nsenter", ["--target", `${pid}`, "--pid", "sh", "-c", "sleep 0.3 >/dev/null 2>&1 &"]);
      await until("the orphan to come to pause", () => (childrenOf(pid).length === 1 ? true : undefined));
      await until("the orphan to be reaped", () => (childrenOf(pid).length === 0 ? true : undefined));
      process.kill(pid, stop);
      assert.equal((await run).exitCode, 0, stop);
    }
  });
});

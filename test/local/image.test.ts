import assert from "node:assert/strict";
import { cpSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { after, before, describe, it } from "mocha";
import { UserError } from "../../local/errors.ts";
import { ALLOW_LIST, allowedFiles } from "../../local/image/allow-list.ts";
import { buildDetectorImage, type Image } from "../../local/image/index.ts";
import { CACHE_DIR, ROOT } from "../../local/paths.ts";
import { blobOf, type ImageContents, readContents } from "./image-contents.ts";

/** A cold cache means npm, apt and a few hundred megabytes of hashing, on two cores that others use too. */
const BUILD_TIMEOUT_MS = 5 * 60_000;

const signal = new AbortController().signal;

function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}

describe("building the detector's image without Docker", () => {
  let folder: string;
  let image: Image;
  let manifest: ImageContents["manifest"];
  let config: ImageContents["config"];

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    folder = mkdtempSync(join(tmpdir(), "yolo-image-"));
    image = await buildDetectorImage({ signal });
    ({ manifest, config } = readContents(image));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  /** An empty cache, but for the Debian packages: they are an input, and asking apt again might give newer ones. */
  function otherCache(name: string): string {
    const dir = join(folder, name);
    cpSync(join(CACHE_DIR, "images", "debian"), join(dir, "debian"), { recursive: true });
    return dir;
  }

  it("is an OCI layout whose blobs have the digests they are named by", async () => {
    assert.deepEqual(readJson(join(image.archive, "oci-layout")), { imageLayoutVersion: "1.0.0" });
    const index = readJson(join(image.archive, "index.json"));
    assert.equal(index.manifests.length, 1);
    assert.equal(index.manifests[0].digest, image.digest);
    assert.equal(index.manifests[0].annotations["io.containerd.image.name"], image.reference);
    assert.equal(image.reference, `docker.io/yolo/detector@${image.digest}`);
    for (const blob of [index.manifests[0], manifest.config, ...manifest.layers]) {
      assert.equal(statSync(blobOf(image, blob.digest)).size, blob.size);
      assert.match(
        (await execa("sha256sum", [blobOf(image, blob.digest)])).stdout,
        new RegExp(`^${blob.digest.slice(7)}`),
      );
    }
    const layers = manifest.layers.map(({ digest }) => digest);
    assert.deepEqual(config.rootfs.diff_ids, layers, "layers are uncompressed");
  });

  it("has the same digest when everything is built again elsewhere, after an interruption and under another umask", async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    const dir = otherCache("other-cache");
    const interrupt = new AbortController();
    const report = (line: string) => {
      if (line.startsWith("installing")) interrupt.abort(new Error("interrupted by the test"));
    };
    await assert.rejects(buildDetectorImage({ signal: interrupt.signal, report, dir }), /interrupted by the test/);
    assert.deepEqual(readdirSync(join(dir, "tmp")), []);
    const umask = process.umask(0o077);
    try {
      assert.equal((await buildDetectorImage({ signal, dir })).digest, image.digest);
    } finally {
      process.umask(umask);
    }
  });

  it("says in one message that npm could not install, and leaves nothing half-done", async () => {
    const dir = otherCache("no-registry");
    Object.assign(process.env, { npm_config_offline: "true", npm_config_cache: join(folder, "empty-npm-cache") });
    try {
      await assert.rejects(
        buildDetectorImage({ signal, dir }),
        (error) =>
          error instanceof UserError &&
          /npm could not install .*\n(.*\n)+Expected the package registry/.test(error.message),
      );
    } finally {
      delete process.env.npm_config_offline;
      delete process.env.npm_config_cache;
    }
    assert.deepEqual(readdirSync(join(dir, "tmp")), []);
    assert.deepEqual(globSync("layers/dependencies-*", { cwd: dir }), []);
  });

  it("says in one message that the disk is full", async () => {
    const dir = otherCache("full-disk");
    const script = `
      import { buildDetectorImage } from "${join(ROOT, "local/image/index.ts")}";
      const { name, message } = await buildDetectorImage({ signal: new AbortController().signal, dir: "${dir}/small" }).catch((error) => error);
      console.log(name, message);`;
    // The small disk exists in the child's own mount namespace only, and ends with it.
    const mount = `mkdir "$1/small" && mount -t tmpfs -o size=64m small "$1/small" && cp -r "$1/debian" "$1/small"`;
    const command = `${mount} && exec "$2" --input-type=module --eval "$3"`;
    const { stdout } = await execa("unshare", ["--mount", "sh", "-c", command, "sh", dir, process.execPath, script]);
    assert.match(stdout, /^UserError The disk that holds \S+\/small became full\. Make room/);
  });

  it("changes only the application's layer when a source file changes", async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    const dir = otherCache("other-cache");
    const clone = join(folder, "clone");
    for (const path of [...allowedFiles(ROOT), ALLOW_LIST]) cpSync(join(ROOT, path), join(clone, path));
    assert.equal((await buildDetectorImage({ signal, root: clone, dir })).digest, image.digest);
    await execa("sh", ["-c", "echo '// changed' >> service/contract.ts; echo SECRET > service/.env"], { cwd: clone });
    const changed = await buildDetectorImage({ signal, root: clone, dir });
    const layers = readContents(changed).manifest.layers;
    assert.deepEqual(layers.slice(0, -1), manifest.layers.slice(0, -1));
    assert.notEqual(layers.at(-1)?.digest, manifest.layers.at(-1)?.digest);
    const { stdout } = await execa("tar", ["--list", "--file", blobOf(changed, layers.at(-1)?.digest ?? "")]);
    assert.doesNotMatch(stdout, /\.env/);
  });
});

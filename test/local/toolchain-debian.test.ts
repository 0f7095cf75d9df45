import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../local/errors.ts";
import { extractDebianPackages, fetchDebianPackages } from "../../local/toolchain/debian.ts";

const signal = new AbortController().signal;
const SYSTEM = [
  "/var/lib/apt",
  "/var/lib/apt/lists",
  "/var/cache/apt",
  "/var/cache/apt/archives",
  "/var/lib/dpkg/status",
];

async function times(): Promise<(number | undefined)[]> {
  return Promise.all(SYSTEM.map(async (path) => (await stat(path).catch(() => undefined))?.mtimeMs));
}

describe("Debian packages", () => {
  const path = process.env.PATH;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-debian-"));
  });

  afterEach(async () => {
    process.env.PATH = path;
    await rm(folder, { recursive: true });
  });

  it("are fetched with their dependencies and extracted without changing the system", async () => {
    const before = await times();
    const options = { signal, dependencies: true, exclude: ["libc6"] };
    const packages = await fetchDebianPackages(["libmnl0", "libnfnetlink0"], join(folder, "debs"), options);
    assert.deepEqual(await times(), before);
    const names = packages.map(({ name }) => name);
    assert.ok(names.includes("libmnl0") && names.includes("libgcc-s1") && !names.includes("libc6"), names.join());
    assert.deepEqual(names, names.toSorted());
    for (const { path, sha256, version } of packages) {
      assert.equal(
        createHash("sha256")
          .update(await readFile(path))
          .digest("hex"),
        sha256,
      );
      assert.match(version, /^\d/);
    }
    await extractDebianPackages(packages, join(folder, "root"), signal);
    assert.ok((await readdir(join(folder, "root"), { recursive: true })).some((name) => name.endsWith("libmnl.so.0")));
  });

  it("are not fetched twice for the same request", async () => {
    const dir = join(folder, "debs");
    const first = await fetchDebianPackages(["netbase"], dir, { signal });
    process.env.PATH = "/nonexistent";
    assert.deepEqual(await fetchDebianPackages(["netbase"], dir, { signal }), first);
  });

  it("that do not exist are named, and nothing is left", async () => {
    const dir = join(folder, "debs");
    await assert.rejects(fetchDebianPackages(["no-such-package-anywhere"], dir, { signal }), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /no-such-package-anywhere/);
      return true;
    });
    assert.equal(existsSync(dir), false);
  });
});

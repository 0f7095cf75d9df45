import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../../local/paths.ts";

/** A folder with the bootstrap and one program; what npm does there is decided by the `npm` put first on PATH. */
describe("bootstrap", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-bootstrap-"));
    await mkdir(join(folder, "local"));
    await mkdir(join(folder, "bin"));
    await cp(join(ROOT, "local", "bootstrap.mjs"), join(folder, "local", "bootstrap.mjs"));
    await writeFile(join(folder, "package-lock.json"), "{}");
    await writeFile(join(folder, "program.ts"), "const code: number = 7;\nprocess.exit(code);\n");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const npm = (script: string) => writeFile(join(folder, "bin", "npm"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const bootstrap = (...nodeArgs: string[]) =>
    execa(process.execPath, [...nodeArgs, join(folder, "local", "bootstrap.mjs"), "program.ts"], {
      env: { PATH: `${join(folder, "bin")}:${process.env.PATH}` },
      reject: false,
      all: true,
    });

  it("refuses a Node that is too old, and says what to install", async () => {
    const old = join(folder, "old.cjs");
    await writeFile(old, 'Object.defineProperty(process, "version", { value: "v16.20.2" });');
    const { exitCode, all } = await bootstrap("--require", old);
    assert.equal(exitCode, 1);
    assert.match(all, /Expected Node 18 or newer .* this is v16\.20\.2/);
    assert.doesNotMatch(all, /^ +at /m);
  });

  it("installs the dependencies once for a lockfile, runs the program and hands on its exit code", async () => {
    await npm("echo installed >>calls; mkdir -p node_modules");
    assert.equal((await bootstrap()).exitCode, 7);
    assert.equal((await bootstrap()).exitCode, 7);
    const calls = await execa("cat", [join(folder, "calls")]);
    assert.equal(calls.stdout, "installed");
    await writeFile(join(folder, "package-lock.json"), '{"changed":true}');
    await bootstrap();
    assert.equal((await execa("cat", [join(folder, "calls")])).stdout, "installed\ninstalled");
  });

  it("ends with npm's own message when the dependencies cannot be installed, and tries again the next time", async () => {
    await npm("echo 'npm error ENOSPC no space left' >&2; exit 228");
    const { exitCode, all } = await bootstrap();
    assert.equal(exitCode, 1);
    assert.match(all, /ENOSPC[\s\S]*could not install the dependencies/);
    await npm("mkdir -p node_modules");
    assert.equal((await bootstrap()).exitCode, 7);
  });
});

import assert from "node:assert/strict";
import { chmod, lstat, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../local/errors.ts";
import { build } from "../../local/toolchain/build.ts";
import type { Tool } from "../../local/toolchain/cache.ts";
import { layOutBin } from "../../local/toolchain/clone.ts";
import { explainFullDisk, requireFreeSpace } from "../../local/toolchain/disk.ts";
import { isAtLeast, requireGo } from "../../local/toolchain/go.ts";
import { ensureToolchain } from "../../local/toolchain/index.ts";
import { findOnPath, mentionsVersion } from "../../local/toolchain/on-path.ts";
import { PINS, type Pin } from "../../local/toolchain/pins.ts";

const signal = new AbortController().signal;

const PIN: Pin = {
  id: "etcd",
  title: "Tool",
  version: "1.2.3",
  executables: ["tool-a", "tool-b"],
  versionArgs: { "tool-a": ["--version"], "tool-b": ["version", "--client"] },
  packages: [],
  variables: [],
  buildGb: 1,
};

describe("finding a tool", () => {
  const path = process.env.PATH;
  let folder: string;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "yolo-find-")));
    await mkdir(join(folder, "bin"));
    process.env.PATH = `${join(folder, "bin")}:${path}`;
  });

  afterEach(async () => {
    process.env.PATH = path;
    await rm(folder, { recursive: true });
  });

  async function script(name: string, text: string): Promise<string> {
    const file = join(folder, "bin", name);
    await writeFile(file, `#!/bin/sh\n${text}\n`);
    await chmod(file, 0o755);
    return file;
  }

  const find = () => findOnPath(PIN, signal, join(folder, "cache"));

  it("uses what is on PATH at the pinned version", async () => {
    const a = await script("tool-a", "echo Tool v1.2.3 linux");
    const b = await script("tool-b", `[ "$*" = "version --client" ] && echo 1.2.3`);
    assert.deepEqual(await find(), { "tool-a": a, "tool-b": b });
  });

  it("asks an executable for its version once, and again when its file changes", async () => {
    await script("tool-a", `echo asked >> ${folder}/log; echo 1.2.3`);
    await script("tool-b", "echo 1.2.3");
    await find();
    await find();
    const { stdout } = await execa("wc", ["-l", join(folder, "log")]);
    assert.match(stdout, /^1 /);
    await script("tool-a", "echo version 1.2.4");
    assert.equal(await find(), undefined);
  });

  it("does not use another version, nor a tool of which a part is missing", async () => {
    await script("tool-a", "echo 1.2.3");
    assert.equal(await find(), undefined);
    await script("tool-b", "echo 1.2.30");
    assert.equal(await find(), undefined);
  });

  it("tells a version from those that contain it", () => {
    for (const answer of ["1.2.3", "v1.2.3\n", "Tool/1.2.3 (linux)", "CoreDNS-1.2.3"])
      assert.ok(mentionsVersion(answer, "1.2.3"), answer);
    for (const answer of ["", "1.2.30", "11.2.3", "0.1.2.3", "1.2.3-beta.1", "1.2.3+dirty", "1x2.3"]) {
      assert.ok(!mentionsVersion(answer, "1.2.3"), answer);
    }
  });

  it("refuses an old Go and a missing Go with what is expected", async () => {
    const old = await script("old-go", "echo go1.19.8");
    const fails = (commands: string[], found: RegExp) =>
      assert.rejects(requireGo(PIN, signal, commands), (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /Expected Go 1\.\d+(\.\d+)? or newer to build Tool 1\.2\.3/);
        assert.match(error.message, found);
        return true;
      });
    await fails([old], /old-go is go1\.19\.8/);
    await fails(["no-such-go"], /no go command on PATH/);
    const recent = await script("recent-go", "echo go1.99.0");
    assert.equal(await requireGo(PIN, signal, [old, recent]), recent);
  });

  it("compares Go versions by number", () => {
    assert.ok(isAtLeast("1.26.8", "1.26") && isAtLeast("1.26.0", "1.26.0") && isAtLeast("2.0", "1.26.1"));
    assert.ok(!isAtLeast("1.9.9", "1.26") && !isAtLeast("1.26.0", "1.26.1") && !isAtLeast("", "1.26"));
  });

  it("prints the last lines of a build that fails", async () => {
    const broken = { ...PIN, packages: ["go.etcd.io/etcd/server/v3/no-such-package"] };
    const options = { into: join(folder, "into"), scratch: join(folder, "scratch"), signal };
    await assert.rejects(build(broken, options), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /go build failed .*exit code 1.*\n.*no-such-package/s);
      return true;
    });
  });

  it("ends a build with everything it started when it is interrupted", async () => {
    await script("go", `[ "$1" = env ] && echo go1.99.0 && exit; echo began >&2; sleep 987654 & sleep 987654`);
    const interrupt = new AbortController();
    const progress = () => interrupt.abort(new UserError("Interrupted."));
    const options = {
      into: join(folder, "into"),
      scratch: join(folder, "scratch"),
      signal: interrupt.signal,
      progress,
    };
    await assert.rejects(build(PIN, options), /Interrupted/);
    const { stdout } = await execa("ps", ["-A", "-o", "args"]);
    assert.doesNotMatch(stdout, /sleep 987654/);
  });

  it("says that a disk is too small or full, and where", async () => {
    await assert.rejects(
      requireFreeSpace(join(folder, "not", "there"), 1e6, "to build"),
      /Expected 1000000\.0 GB free at .*YOLO_CACHE/s,
    );
    await requireFreeSpace(folder, 0, "to build");
    await requireFreeSpace(folder, 1e6, "to build", () => Promise.resolve(1e6));
    const full = await writeFile("/dev/full", "x").catch((error: unknown) => error);
    const explained = explainFullDisk(full, folder);
    assert.ok(explained instanceof UserError && explained.message.includes(folder));
    const other = new Error("something else");
    assert.equal(explainFullDisk(other, folder), other);
  });
});

describe("a clone's folder of executables", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "yolo-bin-")));
    for (const name of ["cache", "bin"]) await mkdir(join(folder, name));
    for (const name of ["pulumi", "etcd"]) await writeFile(join(folder, "cache", name), "#!/bin/sh\n", { mode: 0o755 });
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  function layOut(names: string[], source: Tool["source"]): Promise<string> {
    const files = Object.fromEntries(names.map((name) => [name, join(folder, "cache", name)]));
    return layOutBin([{ title: "", version: "", bytes: 0, seconds: 0, source, files }], join(folder, "bin"));
  }

  it("holds a Pulumi that was built here as a file of its own, with our language host beside it", async () => {
    const bin = await layOut(["pulumi", "etcd"], "built from source");
    assert.deepEqual(await readdir(bin), ["etcd", "pulumi", "pulumi-language-nodejs"]);
    assert.equal(await realpath(join(bin, "pulumi")), join(bin, "pulumi"));
    assert.equal(await realpath(join(bin, "etcd")), join(folder, "cache", "etcd"));
    const { stderr, exitCode } = await execa(join(bin, "pulumi-language-nodejs"), [], { reject: false });
    assert.equal(exitCode, 1);
    assert.match(stderr, /Expected the engine's address/);
  });

  it("takes the language host that a released Pulumi brings", async () => {
    const host = join(folder, "cache", "pulumi-language-nodejs");
    await writeFile(host, "", { mode: 0o755 });
    const bin = await layOut(["pulumi"], "PATH");
    assert.equal(await realpath(join(bin, "pulumi-language-nodejs")), host);
  });

  it("is left as it is when nothing has changed, and loses what is no longer wanted", async () => {
    const bin = await layOut(["pulumi", "etcd"], "built from source");
    const before = await Promise.all((await readdir(bin)).map(async (name) => (await lstat(join(bin, name))).ctimeMs));
    await layOut(["pulumi", "etcd"], "built from source");
    assert.deepEqual(
      await Promise.all((await readdir(bin)).map(async (name) => (await lstat(join(bin, name))).ctimeMs)),
      before,
    );
    await layOut(["etcd"], "built from source");
    assert.deepEqual(await readdir(bin), ["etcd"]);
  });
});

describe("the toolchain", () => {
  it("holds every executable at its pinned version and says in one line that all is there", async () => {
    await ensureToolchain({ signal, report: () => {} });
    const lines: string[] = [];
    const { binDir, runtimeDir, pluginDir, tools } = await ensureToolchain({
      signal,
      report: (line) => lines.push(line),
    });
    assert.deepEqual(lines, [`Toolchain: all ${tools.length} tools are there`]);
    const home = await mkdtemp(join(tmpdir(), "yolo-home-"));
    try {
      const env = {
        HOME: home,
        PULUMI_HOME: home,
        PULUMI_SKIP_UPDATE_CHECK: "1",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "1",
      };
      for (const { versionArgs, version } of PINS) {
        for (const [name, args] of Object.entries(versionArgs)) {
          const { stdout } = await execa(join(binDir, name), args, { env });
          assert.ok(mentionsVersion(stdout, version), `${name}: ${stdout}`);
        }
      }
      // The provider speaks gRPC only: Pulumi itself finds it and asks it.
      await symlink(pluginDir, join(home, "plugins"));
      const args = [
        "package",
        "get-schema",
        `kubernetes@${PINS.find(({ id }) => id === "pulumi-resource-kubernetes")?.version}`,
      ];
      const { stdout, stderr } = await execa(join(binDir, "pulumi"), args, { env, cwd: home });
      assert.match(stdout.slice(0, 200), new RegExp(`"version": "${args[2]?.split("@")[1]}"`));
      assert.equal(stderr, "");
    } finally {
      await rm(home, { recursive: true });
    }
    const libraries = join(runtimeDir, "usr", "lib", `${process.arch === "x64" ? "x86_64" : "aarch64"}-linux-gnu`);
    const env = { LD_LIBRARY_PATH: libraries };
    for (const name of ["bin/containerd", "sbin/runc", "sbin/iptables", "sbin/conntrack"]) {
      const { stdout } = await execa(join(runtimeDir, "usr", name), ["--version"], { env });
      assert.match(stdout, /\d+\.\d+/);
    }
  });
});

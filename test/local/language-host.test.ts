import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, type Options } from "execa";
import { CACHE_DIR, ROOT } from "../../local/paths.ts";
import { ensureToolchain, type Toolchain } from "../../local/toolchain/index.ts";

const PROJECT = {
  name: "host",
  runtime: { name: "nodejs", options: { typescript: false, nodeargs: "--title=from-options" } },
};

describe("language host under the real engine", function () {
  // A test runs the engine several times.
  this.timeout(180_000);
  let toolchain: Toolchain;
  let folder: string;
  let env: Record<string, string>;

  before(async () => {
    toolchain = await ensureToolchain({ signal: new AbortController().signal, report: () => {} });
  });

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "yolo-host-")));
    for (const name of ["home", "pulumi-home", "state"]) await mkdir(join(folder, name));
    env = {
      PATH: `${toolchain.binDir}:${process.env.PATH}`,
      HOME: join(folder, "home"),
      YOLO_CACHE: CACHE_DIR,
      PULUMI_HOME: join(folder, "pulumi-home"),
      PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_SKIP_UPDATE_CHECK: "1",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "1",
    };
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", main: "index.ts" }));
    await writeFile(join(folder, "Pulumi.yaml"), JSON.stringify(PROJECT));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function program(text: string): Promise<void> {
    await writeFile(join(folder, "index.ts"), `import * as pulumi from "@pulumi/pulumi";\n${text}\n`);
    await pulumi(["stack", "init", "test"]);
  }

  function pulumi(args: string[], options: Options = {}) {
    return execa("pulumi", [...args, "--non-interactive", "--color=never"], {
      cwd: folder,
      env,
      all: true,
      ...options,
    });
  }

  /** Processes that were started for the test's folder: its path stands in their environment. */
  async function processes(): Promise<string[]> {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    const environments = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/environ`, "utf8").catch(() => "")));
    return pids.filter((_, index) => environments[index]?.includes(folder));
  }

  async function waitForNoProcess(): Promise<void> {
    for (let tries = 0; (await processes()).length > 0; tries++) {
      assert.ok(tries < 100, `still running: ${await processes()}`);
      await sleep(100);
    }
  }

  it("runs preview, up and destroy of a TypeScript program with its configuration", async () => {
    await program(`
      class Thing extends pulumi.ComponentResource {
        readonly shout: pulumi.Output<string>;
        constructor(name: string, word: pulumi.Input<string>, opts?: pulumi.ComponentResourceOptions) {
          super("test:index:Thing", name, {}, opts);
          this.shout = pulumi.output(word).apply((text) => text.toUpperCase());
          this.registerOutputs({ shout: this.shout });
        }
      }
      const config = new pulumi.Config();
      export const said = new Thing("thing", config.require("word")).shout;
      export const secret = config.requireSecret("hidden");
      export const place = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join("/");
      export const title = process.title;
    `);
    await pulumi(["config", "set", "word", "hello"]);
    await pulumi(["config", "set", "--secret", "hidden", "treasure"]);
    const preview = await pulumi(["preview"]);
    assert.match(`${preview.all}`, /\+ 2 to create/);
    assert.doesNotMatch(`${preview.all}`, /warning|\$PATH/);
    const up = await pulumi(["up", "--yes", "--skip-preview"]);
    assert.doesNotMatch(`${up.all}`, /treasure|warning/);
    const outputs = JSON.parse(`${(await pulumi(["stack", "output", "--json", "--show-secrets"])).stdout}`);
    assert.deepEqual(outputs, {
      said: "HELLO",
      secret: "treasure",
      place: "organization/host/test",
      title: "from-options",
    });
    const again = await pulumi(["up", "--yes", "--skip-preview"]);
    assert.match(`${again.all}`, /2 unchanged/);
    const destroy = await pulumi(["destroy", "--yes", "--skip-preview"]);
    assert.match(`${destroy.all}`, /- 2 deleted/);
    assert.equal(existsSync(join(folder, "home", ".pulumi")), false);
    await waitForNoProcess();
  });

  it("loads what only serialized functions need when one is serialized (P21)", async () => {
    await program(`
      import { createRequire } from "node:module";
      const loaded = (name: string) =>
        Object.keys(createRequire(import.meta.url).cache).some((path) => path.endsWith(name));
      const names = ["/typescript/lib/typescript.js", "/arborist/lib/arborist/index.js"];
      export const before = names.map(loaded);
      const word = "treasure";
      const { text } = await pulumi.runtime.serializeFunction(() => word);
      const paths = await pulumi.runtime.computeCodePaths();
      export const serialized = text.includes("treasure") && [...paths.keys()].some((path) => path.endsWith("/yaml"));
      export const after = names.map(loaded);
    `);
    const manifest = { name: "host", type: "module", main: "index.ts", dependencies: { yaml: "*" } };
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    await pulumi(["up", "--yes", "--skip-preview"]);
    const { stdout } = await pulumi(["stack", "output", "--json"]);
    assert.deepEqual(JSON.parse(`${stdout}`), { before: [false, false], serialized: true, after: [true, true] });
  });

  it("names the line of a TypeScript program that fails, and the source of a compiled one", async () => {
    await program(`interface Unused { word: string }\nthrow new Error("it broke");`);
    const typescript = await pulumi(["preview"], { reject: false });
    assert.match(`${typescript.all}`, /it broke[\s\S]*index\.ts:3:7/);
    await writeFile(join(folder, "package.json"), JSON.stringify({ main: "compiled.js" }));
    await writeFile(
      join(folder, "compiled.js"),
      'throw new Error("it broke");\n//# sourceMappingURL=compiled.js.map\n',
    );
    const map = { version: 3, sources: ["source.txt"], names: [], mappings: "AAAA" };
    await writeFile(join(folder, "compiled.js.map"), JSON.stringify(map));
    const compiled = await pulumi(["preview"], { reject: false });
    assert.match(`${compiled.all}`, /it broke[\s\S]*source\.txt:1:1/);
  });

  it("says which runtime option is wrong", async () => {
    await program("");
    const runtime = { name: "nodejs", options: { typescript: false, packagemanager: "cargo" } };
    await writeFile(join(folder, "Pulumi.yaml"), JSON.stringify({ name: "host", runtime }));
    const preview = await pulumi(["preview"], { reject: false });
    assert.match(
      `${preview.all}`,
      /Expected npm, pnpm, yarn, bun for runtime\.options\.packagemanager .* received cargo/,
    );
  });

  it("adds nothing to what a program has told its user itself", async () => {
    await program(`throw new pulumi.RunError("Expected a word for config.word but received none.");`);
    const preview = await pulumi(["preview"], { reject: false });
    assert.notEqual(preview.exitCode, 0);
    assert.match(`${preview.all}`, /Expected a word for config\.word but received none\./);
    assert.doesNotMatch(`${preview.all}`, /exit code|index\.ts|unhandled/);
  });

  it("fails with the exit code of a program that ends by itself", async () => {
    await program(`process.exit(3);`);
    const preview = await pulumi(["preview"], { reject: false });
    assert.notEqual(preview.exitCode, 0);
    assert.match(`${preview.all}`, /ended with exit code 3/);
  });

  it("fails with the signal that ended a program", async () => {
    await program(`process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000);`);
    const preview = await pulumi(["preview"], { reject: false });
    assert.notEqual(preview.exitCode, 0);
    assert.match(`${preview.all}`, /ended by SIGKILL/);
  });

  it("names its Node and the installed dependencies to pulumi about", async () => {
    await program("");
    const manifest = { type: "module", main: "index.ts", dependencies: { "@pulumi/pulumi": "*" } };
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    const { stdout } = await pulumi(["about", "--json"]);
    const about = JSON.parse(`${stdout}`) as {
      runtime: { executable: string; version: string };
      dependencies: unknown[];
    };
    assert.equal(about.runtime.executable, process.execPath);
    assert.equal(about.runtime.version, process.version);
    const sdk = JSON.parse(await readFile(join(ROOT, "node_modules", "@pulumi", "pulumi", "package.json"), "utf8")) as {
      version: string;
    };
    assert.deepEqual(about.dependencies, [{ name: "@pulumi/pulumi", version: sdk.version }]);
  });

  it("runs a policy pack, whose verdict stops a preview", async () => {
    await program(`class Thing extends pulumi.ComponentResource {}
      new Thing(new pulumi.Config().require("type"), "thing");`);
    const pack = join(folder, "pack");
    await mkdir(pack);
    await writeFile(join(pack, "PulumiPolicy.yaml"), "runtime: nodejs\n");
    await writeFile(join(pack, "package.json"), JSON.stringify({ name: "pack", version: "1.0.0", main: "index.js" }));
    await copyFile(join(import.meta.dirname, "..", "fixtures", "policy-pack.cjs"), join(pack, "index.js"));
    const preview = (type: string) =>
      pulumi(["preview", "--policy-pack", pack, "-c", `type=${type}`], { reject: false });
    const allowed = await preview("test:index:Allowed");
    assert.equal(allowed.exitCode, 0, `${allowed.all}`);
    const refused = await preview("test:index:Forbidden");
    assert.notEqual(refused.exitCode, 0);
    assert.match(`${refused.all}`, /test:index:Forbidden is forbidden \(in .*\/pack\)/);
    await waitForNoProcess();
  });

  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    it(`leaves no process when the engine gets ${signal} while a program runs`, async () => {
      const started = join(folder, "started");
      await program(`(await import("node:fs")).writeFileSync(${JSON.stringify(started)}, ""); setInterval(() => {}, 1000);
        await new Promise(() => {});`);
      const preview = pulumi(["preview"], { reject: false });
      while (!existsSync(started)) await sleep(50);
      assert.ok((await processes()).length >= 3);
      preview.kill(signal);
      assert.notEqual((await preview).exitCode, 0);
      await waitForNoProcess();
    });
  }
});

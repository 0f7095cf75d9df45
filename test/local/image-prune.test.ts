import assert from "node:assert/strict";
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, it } from "mocha";
import { prune } from "../../local/image/prune.ts";
import { ROOT } from "../../local/paths.ts";

/** Names of a package and of all that it depends on, as the lockfile has them. */
function closureOf(name: string): Set<string> {
  const found = new Set<string>();
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dependencies?: Record<string, string> }>;
  };
  const pending = [name];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    pending.push(...Object.keys(packages[`node_modules/${next}`]?.dependencies ?? {}));
  }
  return found;
}

describe("pruning node_modules for the image", () => {
  let nodeModules: string;

  beforeEach(() => {
    nodeModules = mkdtempSync(join(tmpdir(), "yolo-prune-"));
  });

  afterEach(() => rmSync(nodeModules, { recursive: true }));

  async function pruned(paths: string[], architecture = "x64"): Promise<string[]> {
    for (const path of paths) {
      mkdirSync(dirname(join(nodeModules, path)), { recursive: true });
      writeFileSync(join(nodeModules, path), "");
    }
    await prune(nodeModules, architecture);
    return globSync("**/*", { cwd: nodeModules })
      .filter((path) => statSync(join(nodeModules, path)).isFile())
      .sort();
  }

  it("keeps the native code of one platform and no GPU provider", async () => {
    const runtime = "onnxruntime-node/bin/napi-v6";
    const kept = [
      "@img/colour/index.cjs",
      "@img/sharp-libvips-linux-x64/lib/libvips-cpp.so.8",
      "@img/sharp-linux-x64/lib/sharp.node",
      `${runtime}/linux/x64/libonnxruntime.so.1`,
      `${runtime}/linux/x64/onnxruntime_binding.node`,
    ];
    const gone = [
      "@img/sharp-libvips-linuxmusl-x64/lib/libvips-cpp.so.8",
      "@img/sharp-linux-arm64/lib/sharp.node",
      "@img/sharp-wasm32/lib/sharp.js",
      `${runtime}/darwin/arm64/libonnxruntime.dylib`,
      `${runtime}/linux/arm64/libonnxruntime.so.1`,
      `${runtime}/linux/x64/libonnxruntime_providers_cuda.so`,
      `${runtime}/linux/x64/libonnxruntime_providers_shared.so`,
      `${runtime}/linux/x64/libonnxruntime_providers_tensorrt.so`,
      `${runtime}/win32/x64/onnxruntime.dll`,
    ];
    assert.deepEqual(await pruned([...kept, ...gone]), kept);
  });

  it("keeps the other architecture's native code when built there", async () => {
    const arm = "onnxruntime-node/bin/napi-v6/linux/arm64/libonnxruntime.so.1";
    assert.deepEqual(await pruned([arm, arm.replace("arm64", "x64")], "arm64"), [arm]);
  });

  it("removes tests, documentation, sources, declarations and maps, but no licence and no code below a package's top", async () => {
    const kept = ["@scope/a/lib/test/run.js", "a/LICENSE.md", "a/NOTICE", "a/index.js", "a/lib/docs/index.js"];
    const gone = [
      "@scope/a/test/a.test.js",
      "a/README.md",
      "a/docs/guide.html",
      "a/index.d.ts",
      "a/index.d.mts",
      "a/index.js.map",
      "a/node_modules/b/test/b.js",
      "a/src/index.ts",
      "a/src/native.cc",
    ];
    assert.deepEqual(await pruned([...kept, ...gone]), kept);
  });

  it("removes the AWS SDK's builds for bundlers, and no folder of that name elsewhere", async () => {
    const kept = ["@aws-sdk/a/dist-cjs/index.js", "@aws-sdk/a/lib/dist-es/index.js", "a/dist-es/index.js"];
    const gone = [
      "@aws-sdk/a/dist-es/index.js",
      "@smithy/b/dist-es/sub/index.js",
      "a/node_modules/@aws/c/dist-es/index.js",
    ];
    assert.deepEqual(await pruned([...kept, ...gone]), kept);
  });

  it("leaves an S3 client that works, with every way to credentials", async function () {
    this.timeout(120_000);
    const installed = join(nodeModules, "node_modules");
    for (const name of closureOf("@aws-sdk/client-s3")) {
      cpSync(join(ROOT, "node_modules", name), join(installed, name), { recursive: true });
    }
    await prune(installed, process.arch);
    assert.deepEqual(globSync("{@aws,@aws-sdk,@smithy}/*/dist-es", { cwd: installed }), []);
    const script = join(nodeModules, "use.mjs");
    // Links of the chain are loaded when they are asked: each is loaded here, with the clients that it asks in its turn.
    writeFileSync(
      script,
      `import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
       import { createRequire } from "node:module";
       const require = createRequire(import.meta.url);
       for (const name of ["env", "http", "ini", "login", "node", "process", "sso", "web-identity"]) {
         require("@aws-sdk/credential-provider-" + name);
       }
       require("@smithy/credential-provider-imds");
       require("@aws-sdk/token-providers");
       for (const name of ["sts", "sso", "sso-oidc", "signin"]) require("@aws-sdk/nested-clients/" + name);
       const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
       const client = new S3Client({ region: "us-east-1", endpoint: "http://127.0.0.1:9", maxAttempts: 1, credentials });
       const reason = await client.send(new GetObjectCommand({ Bucket: "models", Key: "a" })).catch(({ code }) => code);
       console.log(reason);`,
    );
    assert.equal((await execa(process.execPath, [script])).stdout, "ECONNREFUSED");
  });

  it("keeps a package whose own name is that of a folder it would remove elsewhere", async () => {
    const kept = ["@scope/test/index.js", "docs/index.js"];
    assert.deepEqual(await pruned(kept), kept);
  });

  it("removes the builds of OpenTelemetry's packages for bundlers, at any depth, and keeps the one that runs", async () => {
    const kept = [
      "@opentelemetry/a/build/src/index.js",
      "@opentelemetry/a/node_modules/@opentelemetry/b/build/src/esm/index.js",
      "a/build/esm/index.js",
    ];
    const gone = [
      "@opentelemetry/a/build/esm/index.js",
      "@opentelemetry/a/build/esnext/sub/index.js",
      "@opentelemetry/a/node_modules/@opentelemetry/b/build/esm/index.js",
    ];
    assert.deepEqual(await pruned([...kept, ...gone]), kept);
  });

  it("removes npm's links and records and leaves no empty folder", async () => {
    mkdirSync(join(nodeModules, "@yolo"));
    symlinkSync("../../service", join(nodeModules, "@yolo", "service"));
    assert.deepEqual(await pruned([".bin/tool", ".package-lock.json", "a/index.js", "types/index.d.ts"]), [
      "a/index.js",
    ]);
    assert.deepEqual(globSync("*", { cwd: nodeModules }), ["a"]);
  });
});

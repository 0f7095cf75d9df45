import assert from "node:assert/strict";
import { globSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { prune } from "../../local/image/prune.ts";

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

  it("keeps a package whose own name is that of a folder it would remove elsewhere", async () => {
    const kept = ["@scope/test/index.js", "docs/index.js"];
    assert.deepEqual(await pruned(kept), kept);
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

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { ALLOW_LIST, allowedFiles } from "../../local/image/allow-list.ts";
import { ROOT } from "../../local/paths.ts";

describe("the image's allow-list", () => {
  let root: string;

  function write(path: string, content = ""): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "yolo-allow-list-"));
    mkdirSync(join(root, "service"));
    copyFileSync(join(ROOT, ALLOW_LIST), join(root, ALLOW_LIST));
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it("lets in the application and what the build needs", () => {
    const files = [
      "package.json",
      "service/contract.ts",
      "service/src/server.ts",
      "service/src/vision/letterbox.wasm",
      "service/src/vision/nms.ts",
      "service/web/index.html",
      "service/web/page.js",
      "service/web/sample.jpg",
    ];
    for (const path of files) write(path);
    assert.deepEqual(allowedFiles(root), files);
  });

  it("keeps out secrets, tests, type declarations, editor files and whatever else lies beside the sources", () => {
    const strays = [
      ".env",
      "service/.env",
      "service/src/.env",
      "service/src/.env.ts/key",
      "service/src/.server.ts",
      "service/src/.server.ts.swp",
      "service/src/server.test.ts",
      "service/src/server.d.ts",
      "service/src/model.onnx",
      "service/src/notes.md",
      "service/node_modules/left-over/index.js",
      "service/Dockerfile",
      "service/client/client.ts",
      "service/wasm/letterbox.ts",
      "service/web/.page.js.swp",
      "service/web/tsconfig.json",
      "service/web/types.d.ts",
      "local/image/base.ts",
      "node_modules/zod/package.json",
      "infra/detector/detector.ts",
    ];
    for (const path of strays) write(path);
    write("service/src/server.ts");
    assert.deepEqual(allowedFiles(root), ["service/src/server.ts"]);
  });

  it("obeys the last pattern that matches, and a pattern that names a folder", () => {
    write(ALLOW_LIST, "# comment\n*\n\n!service\nservice/secret\n!service/secret/public.txt\n");
    for (const path of ["service/a", "service/secret/b", "service/secret/public.txt", "other/c"]) write(path);
    assert.deepEqual(allowedFiles(root), [ALLOW_LIST, "service/a", "service/secret/public.txt"]);
  });

  it("refuses a list that does not begin by leaving everything out", () => {
    write(ALLOW_LIST, "node_modules\n!service\n");
    assert.throws(() => allowedFiles(root), /Expected "\*" as the first pattern of .* but received node_modules/);
  });
});

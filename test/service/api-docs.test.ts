import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../../local/paths.ts";
import { ERRORS } from "../../service/src/errors.ts";
import { openapiDocument } from "../../service/src/openapi/document.ts";
import { predictParameters } from "../../service/src/openapi/predict.ts";
import { SCHEMAS } from "../../service/src/openapi/schemas.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { modelEntry } from "./support.ts";

/** Address in the examples of `docs/api.md`. */
const HERE = "http://localhost:8080";

/** What curl exits with under `--fail-with-body` when the answer is an error (https://curl.se/docs/manpage.html). */
const ERROR_ANSWER = 22;

describe("docs/api.md", () => {
  let text: string;
  before(async () => {
    text = await readFile(join(ROOT, "docs/api.md"), "utf8");
  });

  /** The blocks of code in a language, with what stands behind it. */
  function blocks(language: string): { info: string; code: string }[] {
    const all = text.matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm);
    return [...all].flatMap(([, name, info = "", code = ""]) => {
      return name === language ? [{ info: info.trim(), code }] : [];
    });
  }

  /** The rows of the table below a heading, cell by cell and without backticks. */
  function tableBelow(heading: string): string[][] {
    const section = text.split(`\n${heading}\n`)[1]?.split(/\n#+ /)[0] ?? "";
    const rows = section.split("\n").filter((line) => line.startsWith("| `"));
    return rows.map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));
  }

  it("names every code of the error table, with its status, and no other", () => {
    const rows = tableBelow("## Errors").map(([, code, status]) => [code, Number(status)]);
    assert.deepEqual(
      rows.toSorted(),
      Object.entries(ERRORS)
        .map(([code, { status }]) => [code, status])
        .toSorted(),
    );
    for (const [, status, code = ""] of text.matchAll(/(\d{3}) `(YOLO_\w+)`/g)) {
      assert.equal(ERRORS[code as keyof typeof ERRORS]?.status, Number(status), code);
    }
  });

  it("names every parameter with its limits and its default, and no other", () => {
    const rows = tableBelow("### Parameters");
    const schemas = predictParameters(undefined);
    assert.deepEqual(rows.map(([, name]) => name).toSorted(), Object.keys(schemas).toSorted());
    for (const [, name = "", value = "", fallback = ""] of rows) {
      const { minimum, maximum, enum: values, maxItems, default: given } = schemas[name] ?? {};
      if (minimum !== undefined) assert.equal(value, `${minimum} to ${maximum}`, name);
      if (values !== undefined) assert.equal(value, values.join(", "), name);
      if (maxItems !== undefined) assert.ok(value.endsWith(`up to ${maxItems}`), name);
      if (given !== undefined) assert.equal(fallback, String(given), name);
    }
  });

  it("shows an answer and an error as they are", () => {
    const [answer, error, ...others] = blocks("json").map(({ code }) => JSON.parse(code) as unknown);
    assert.equal(others.length, 0);
    assert.deepEqual(SCHEMAS.PredictResponse.parse(answer), answer);
    assert.deepEqual(SCHEMAS.ErrorResponse.parse(error), error);
  });

  describe("examples", () => {
    let service: RunningApp;
    let url: string;
    let folder: string;
    before(async () => {
      service = await startApp("raw", { MODELS: modelEntry("street", join(ROOT, "models/street.onnx")) });
      await service.app.listen({ host: "127.0.0.1", port: 0 });
      url = `http://127.0.0.1:${(service.app.server.address() as AddressInfo).port}`;
      folder = await mkdtemp(join(tmpdir(), "yolo-api-docs-"));
      for (const name of ["samples", "test"]) await symlink(join(ROOT, name), join(folder, name));
      await writeFile(join(folder, ".curlrc"), "fail-with-body\nsilent\nnoproxy = *\n");
    });
    after(async () => {
      await service.close();
      await rm(folder, { recursive: true, force: true });
    });

    it("get what they ask for, and cover every operation", async () => {
      const asked = new Set<string>();
      const examples = blocks("sh");
      for (const { info, code } of examples) {
        const script = code.replaceAll(HERE, url);
        assert.notEqual(script, code);
        const ran = await execa("bash", ["-euc", script], {
          cwd: folder,
          env: { CURL_HOME: folder, KEY: "key" },
          reject: false,
          timeout: 60_000,
        });
        assert.equal(ran.exitCode, info === "refused" ? ERROR_ANSWER : 0, `${code}\n${ran.stdout}\n${ran.stderr}`);
        if (info === "refused") assert.match(ran.stdout, /YOLO_URL_REFUSED/);
        for (const [, path = ""] of code.matchAll(/http:\/\/localhost:8080([^\s'?]*)/g)) asked.add(path);
      }
      const described = Object.keys(openapiDocument({ apiKeysFile: "", rateLimitPerMinute: 0 }, undefined).paths);
      const here = described.filter((path) => path !== "/stream" && !path.includes("{version}"));
      assert.deepEqual([...asked].toSorted(), here.map((path) => path.replace("{model}", "street")).toSorted());
      const drawn = await readFile(join(folder, "drawn.jpg"));
      assert.deepEqual([drawn[0], drawn[1]], [0xff, 0xd8]);
    }).timeout(120_000);
  });
});

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../../local/paths.ts";
import { PATHS } from "../../service/contract.ts";
import { openapiDocument } from "../../service/src/openapi/document.ts";
import { EXTENSIONS } from "../../service/src/routes/inference-protocol/description.ts";
import { pythonEnvironment } from "../support/python.ts";
import { DocsPage } from "./docs-page.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { modelEntry } from "./support.ts";

/** Host and port in the examples of the page. */
const HERE = "localhost:8080";

/** What curl exits with under `--fail-with-body` when the answer is an error (https://curl.se/docs/manpage.html). */
const ERROR_ANSWER = 22;

describe("docs/inference-protocol.md", () => {
  let page: DocsPage;
  const paths = Object.entries(openapiDocument({ apiKeysFile: "keys", rateLimitPerMinute: 1 }, undefined).paths).filter(
    ([path]) => path.startsWith(PATHS.inferenceProtocol),
  );
  before(async () => {
    page = await DocsPage.read("inference-protocol.md");
  });

  it("names every path, and no other", () => {
    const described = paths
      .filter(([path]) => !path.includes("{version}"))
      .flatMap(([path, operations]) =>
        Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace("{model}", "NAME")}`),
      );
    const rows = page.tableBelow("## Paths").map(([path]) => path);
    assert.deepEqual(rows.toSorted(), described.toSorted());
  });

  it("names every status of an error, and no other", () => {
    const described = paths.flatMap(([, operations]) =>
      Object.values(operations).flatMap(({ responses }) => Object.keys(responses)),
    );
    const statuses = new Set(described.filter((status) => status !== "200"));
    // For what is no operation there is no description; what is no HTTP is answered elsewhere.
    const elsewhere = new Set(["408", "431"]);
    const rows = page.tableBelow("## Errors").map(([status]) => status);
    assert.deepEqual(rows.toSorted(), [...new Set([...statuses, "404", "405"]).difference(elsewhere)].toSorted());
  });

  it("says of the service's extensions that they are here, and of others that they are not", () => {
    const rows = page.tableBelow("## Triton's extensions");
    const here = rows.filter(([, answer]) => !answer?.startsWith("no")).map(([name]) => name);
    assert.deepEqual(here.toSorted(), EXTENSIONS.toSorted());
  });

  it("names the versions of the clients that are tested", async () => {
    for (const [file, client] of [
      ["triton", "tritonclient"],
      ["kserve", "kserve"],
    ] as const) {
      const requirements = await readFile(join(ROOT, "test/python", `${file}.txt`), "utf8");
      const version = new RegExp(`^${client}==(.+)$`, "m").exec(requirements)?.[1];
      assert.ok(version !== undefined && page.includes(`${client} ${version}`), client);
    }
  });

  describe("examples", function () {
    this.timeout(30 * 60_000);

    let service: RunningApp;
    let address: string;
    let folder: string;
    before(async () => {
      service = await startApp("raw", { MODELS: modelEntry("street", join(ROOT, "models/street.onnx")) });
      await service.app.listen({ host: "127.0.0.1", port: 0 });
      address = `127.0.0.1:${(service.app.server.address() as AddressInfo).port}`;
      folder = await mkdtemp(join(tmpdir(), "yolo-inference-docs-"));
      await symlink(join(ROOT, "samples"), join(folder, "samples"));
      await writeFile(join(folder, ".curlrc"), "fail-with-body\nsilent\nnoproxy = *\n");
    });
    after(async () => {
      await service.close();
      await rm(folder, { recursive: true });
    });

    const run = (program: string, args: string[]) =>
      execa(program, args, {
        cwd: folder,
        env: { CURL_HOME: folder, NO_PROXY: "*", no_proxy: "*" },
        reject: false,
        timeout: 120_000,
      });

    it("in the shell get what they ask for", async () => {
      const examples = page.blocks.filter(({ language }) => language === "sh");
      assert.equal(examples.length, 6);
      for (const { info, code } of examples) {
        const script = code.replaceAll(HERE, address);
        assert.notEqual(script, code);
        const ran = await run("bash", ["-euo", "pipefail", "-c", script]);
        assert.equal(ran.exitCode, info === "refused" ? ERROR_ANSWER : 0, `${code}\n${ran.stdout}\n${ran.stderr}`);
      }
      const bytes = await readFile(join(folder, "outputs.bin"));
      // The outputs of a black image: 300 rows of 6 numbers behind the JSON.
      assert.equal(bytes.length - bytes.indexOf("]}") - 2, 300 * 6 * 4);
    });

    it("of answers are what comes", async () => {
      const [metadata, error, ...others] = page.blocks.filter(({ language }) => language === "json");
      assert.equal(others.length, 0);
      const url = `${PATHS.inferenceProtocol}/models/street`;
      assert.deepEqual((await service.app.inject({ url })).json(), JSON.parse(metadata?.code ?? ""));
      const refused = await service.app.inject({ method: "POST", url: `${url}/infer`, payload: { inputs: [] } });
      assert.deepEqual(refused.json(), JSON.parse(error?.code ?? ""));
    });

    it("in Python find the same objects with either client", async () => {
      const blocks = page.blocks.filter(({ language }) => language === "python");
      assert.deepEqual(
        blocks.map(({ info }) => info),
        ["", "tritonclient", "kserve"],
      );
      const [pixels, ...clients] = blocks.map(({ code }) => code.replaceAll(HERE, address));
      const found: string[] = [];
      for (const [index, name] of ["triton", "kserve"].entries()) {
        const ran = await run(await pythonEnvironment(name), ["-c", `${pixels}\n${clients[index]}`]);
        assert.equal(ran.exitCode, 0, ran.stderr);
        found.push(ran.stdout);
      }
      assert.match(found[0] ?? "", /^class [0-5], 0\.\d\d: \d+, \d+ to \d+, \d+ in the square$/m);
      assert.equal(found[1], found[0]);
    });
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { z } from "zod";
import { PATHS } from "../../service/contract.ts";
import { ERRORS } from "../../service/src/errors.ts";
import { type OpenapiDocument, openapiDocument } from "../../service/src/openapi/document.ts";
import { SCHEMAS, type SchemaName } from "../../service/src/openapi/schemas.ts";
import { PARAMETERS } from "../../service/src/routes/predict/parameters.ts";
import { pythonEnvironment } from "../support/python.ts";
import { blocks } from "./generate.ts";
import { postForm } from "./predict-request.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { png } from "./support.ts";

const HOOKS = join(import.meta.dirname, "../python");

describe("GET /openapi.json", () => {
  let service: RunningApp;
  let description: OpenapiDocument;
  /** Every route of the app: its path with {names}, and its methods. */
  const routes = new Map<string, Set<string>>();
  before(async () => {
    service = await startApp("dynamic", { WORKERS: "2" });
    description = (await service.app.inject({ url: PATHS.openapi })).json<OpenapiDocument>();
    for (const [path, methods] of routesOf(service.app.printRoutes({ commonPrefix: false }))) routes.set(path, methods);
  });
  after(() => service.close());

  /** Reads the tree that fastify prints: a line for each path that has methods. */
  function routesOf(tree: string): [string, Set<string>][] {
    const parts: string[] = [];
    return tree.split("\n").flatMap((line) => {
      const [, indent = "", part = "", methods] = /^([│├└─\s]*)(\S+)(?: \((.+)\))?$/.exec(line) ?? [];
      if (part === "") return [];
      const depth = indent.length / 4 - 1;
      parts.splice(depth, parts.length, part);
      const path = parts.join("").replace(/:(\w+)/g, "{$1}");
      return methods === undefined ? [] : [[path, new Set(methods.split(", "))] as [string, Set<string>]];
    });
  }

  it("describes every route but pages and their files, and nothing else", () => {
    const described = Object.entries(description.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    // Two pages, and another spelling of a path.
    const others = [PATHS.page, PATHS.docs, `${PATHS.inferenceProtocol}/`];
    const served = [...routes].flatMap(([path, methods]) => {
      if (others.includes(path) || path.endsWith("/{name}")) return [];
      return [...methods].filter((method) => method !== "HEAD").map((method) => `${method} ${path}`);
    });
    assert.deepEqual(described.toSorted(), served.toSorted());
  });

  it("gives each operation a name of its own, and points at nothing that is not there", () => {
    const operations = Object.values(description.paths).flatMap((path) => Object.values(path));
    const names = operations.map(({ operationId }) => operationId);
    assert.equal(new Set(names).size, names.length);
    const references = [...JSON.stringify(description).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    assert.ok(references.length > 20);
    for (const [, name = ""] of references) assert.ok(name in description.components.schemas, name);
  });

  it("names each error of the table in an answer of its status", () => {
    const answers = Object.values(description.paths).flatMap((path) =>
      Object.values(path).flatMap(({ responses }) => Object.entries(responses)),
    );
    // Refused before there is a route, or only by services that guard theirs.
    const nowhere = new Set(["YOLO_ROUTE_UNKNOWN", "YOLO_METHOD_UNSUPPORTED", "YOLO_KEY_INVALID", "YOLO_RATE_LIMITED"]);
    for (const [code, { status }] of Object.entries(ERRORS)) {
      const described = answers.some(
        ([given, { description: text }]) => given === String(status) && text.includes(code),
      );
      if (!nowhere.has(code)) assert.ok(described, code);
    }
  });

  it("describes the parameters by the schemas that check them, in the query and in the form", () => {
    const post = description.paths[PATHS.predict]?.post;
    const query = post?.parameters?.filter((parameter) => parameter.in === "query").map(({ name }) => name) ?? [];
    // The model of this service makes no masks.
    const all = Object.keys(PARAMETERS.shape).filter((name) => name !== "masks");
    assert.deepEqual([...query, "source"].toSorted(), all.toSorted());
    const forms = post?.requestBody?.content["multipart/form-data"]?.schema?.oneOf ?? [];
    assert.deepEqual(
      forms.map(({ required, properties = {} }) => [required, Object.keys(properties).toSorted()]),
      ["file", "source"].map((name) => [[name], [...query, name].toSorted()]),
    );
    const stream = description.paths[PATHS.stream]?.get?.parameters?.map(({ name }) => name) ?? [];
    assert.deepEqual(stream.toSorted(), [...query, "track"].toSorted());
    const model = forms[0]?.properties?.model;
    assert.deepEqual(typeof model === "object" && [model.type, model.enum], ["string", ["colours"]]);
  });

  it("asks for a key and knows the limit where the service does", () => {
    const guarded = openapiDocument({ apiKeysFile: "/etc/yolo/api-keys", rateLimitPerMinute: 5 }, undefined);
    const post = guarded.paths[PATHS.predict]?.post;
    assert.deepEqual(post?.security, [{ apiKey: [] }, { bearer: [] }]);
    assert.ok(post?.responses[401] !== undefined && post.responses[429] !== undefined);
    assert.equal(guarded.paths[PATHS.live]?.get?.security, undefined);
    assert.equal(description.paths[PATHS.predict]?.post?.security, undefined);
  });

  it("has a schema that each real answer fits, with no field left out", async () => {
    const { app } = service;
    const image = await png(blocks(120, 80, 21), 120, 80);
    const model = `${PATHS.inferenceProtocol}/models/colours`;
    const get = async (url: string) => (await app.inject({ url })).json();
    const inputs = [{ name: "images", datatype: "FP32", shape: [1, 3, 32, 32], data: Array(3072).fill(0.5) }];
    const answers: [SchemaName, unknown][] = [
      ["PredictResponse", (await postForm(app, [["file", image]])).json()],
      ["ErrorResponse", (await postForm(app, [["file", Buffer.from("x")]])).json()],
      ["InfoResponse", await get(PATHS.info)],
      ["Probe", await get(PATHS.ready)],
      ["ServerMetadata", await get(PATHS.inferenceProtocol)],
      ["ModelMetadata", await get(model)],
      ["ModelConfig", await get(`${model}/config`)],
      ["ModelReady", await get(`${model}/ready`)],
      ["InferenceError", await get(`${PATHS.inferenceProtocol}/models/other`)],
      ["InferResponse", (await app.inject({ method: "POST", url: `${model}/infer`, payload: { inputs } })).json()],
    ];
    for (const [name, answer] of answers) {
      const schema: z.ZodType = SCHEMAS[name];
      // What a schema does not know, it leaves out.
      assert.deepEqual(schema.parse(answer), answer, name);
    }
  });

  it("is taken by schemathesis, which finds no answer that differs from it", async function () {
    this.timeout(30 * 60_000);
    const python = await pythonEnvironment("schemathesis");
    await service.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = service.app.server.address() as AddressInfo;
    const folder = await mkdtemp(join(tmpdir(), "yolo-schemathesis-"));
    try {
      const options = ["--max-examples", "15", "--seed", "1", "--continue-on-failure", "--no-color"];
      const config = ["--config-file", join(HOOKS, "schemathesis.toml")];
      const run = spawn(
        join(dirname(python), "st"),
        [...config, "run", `http://127.0.0.1:${port}${PATHS.openapi}`, ...options],
        {
          cwd: folder,
          env: {
            ...process.env,
            PYTHONPATH: HOOKS,
            PYTHONDONTWRITEBYTECODE: "1",
            SCHEMATHESIS_HOOKS: "schemathesis_hooks",
          },
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      let output = "";
      for (const stream of [run.stdout, run.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text;
        });
      }
      const [code] = await once(run, "close");
      assert.equal(code, 0, output);
      // All but that of the document itself, which schemathesis leaves out.
      const tested = Object.values(description.paths).flatMap((path) => Object.keys(path)).length - 1;
      assert.match(output, new RegExp(`Tested: ${tested}\\b`), output);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

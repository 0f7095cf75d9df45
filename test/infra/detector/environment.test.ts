import assert from "node:assert/strict";
import { serviceEnvironment } from "../../../infra/detector/environment.ts";
import { ENVIRONMENT, type Environment, type Secrets } from "../../../service/contract.ts";
import { readConfig } from "../../../service/src/config.ts";
import { detectorSchema } from "../../../stacks/config/detector.ts";

const { serving } = detectorSchema.parse({});
const MODEL = { name: "street", sha256: "0".repeat(64) };
const environment = serviceEnvironment(serving, MODEL, false);

// The type check, not mocha, fails here when the contract no longer demands every key.
const { LOG_LEVEL: _level, ...withoutLevel } = environment;
// @ts-expect-error LOG_LEVEL is missing
withoutLevel satisfies Environment<string>;
// @ts-expect-error the API keys are missing
({}) satisfies Secrets<string>;
// @ts-expect-error the contract knows no such key
({ ...environment, LOGLEVEL: "info" }) satisfies Environment<string>;

describe("serviceEnvironment", () => {
  it("sets every key of the contract and no other", () => {
    assert.deepEqual(Object.keys(environment).sort(), Object.values(ENVIRONMENT).sort());
  });

  it("means to the service what the stack says", () => {
    const settings = {
      ...serving,
      executionProvider: "cuda" as const,
      threads: 3,
      maxBatch: 8,
      resize: "fast" as const,
      fetchHosts: ["a.example.com", "*.b.example.com:8443"],
      corsOrigins: ["https://app.example.com"],
      rateLimitPerMinute: 60,
      otlpEndpoint: "http://collector.monitoring:4318",
      page: false,
    };
    const config = readConfig(
      serviceEnvironment(settings, { ...MODEL, uri: "https://models.example.com/a.onnx" }, true),
    );
    const { models, fetchHosts, corsOrigins, rateLimitPerMinute, otlpEndpoint, page } = config;
    assert.deepEqual(
      models.map(({ name, uri, sha256 }) => ({ name, uri: uri.href, sha256 })),
      [{ ...MODEL, uri: "https://models.example.com/a.onnx" }],
    );
    assert.deepEqual(
      { fetchHosts, corsOrigins, rateLimitPerMinute, otlpEndpoint, page },
      {
        fetchHosts: settings.fetchHosts,
        corsOrigins: settings.corsOrigins,
        rateLimitPerMinute: 60,
        otlpEndpoint: settings.otlpEndpoint,
        page: false,
      },
    );
    const { executionProvider, threads, workers, maxBatch, resize, apiKeysFile } = config;
    assert.deepEqual(
      { executionProvider, threads, workers, maxBatch, resize, apiKeysFile },
      {
        executionProvider: "cuda",
        threads: 3,
        workers: 2,
        maxBatch: 8,
        resize: "fast",
        apiKeysFile: "/etc/yolo/api-keys",
      },
    );
  });

  it("makes a worker of each thread where nothing else is set, as the service would", () => {
    assert.equal(readConfig(serviceEnvironment({ ...serving, threads: 3 }, MODEL, false)).workers, 3);
  });

  it("is understood by the service with every default, and finds the model by its content", () => {
    const { models, apiKeysFile, modelCacheDir } = readConfig(environment);
    assert.equal(models[0]?.uri.href, `file:///models/${MODEL.sha256}.onnx`);
    assert.deepEqual([apiKeysFile, modelCacheDir], ["", "/models"]);
  });
});

import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
import { ENVIRONMENT } from "../../service/contract.ts";
import { readConfig, settingsHelp } from "../../service/src/config.ts";
import { StartError } from "../../service/src/errors.ts";

const REQUIRED = { MODELS: `street=file:///models/a.onnx@sha256:${"0".repeat(64)}` };

describe("readConfig", () => {
  it("has a default for everything but the models", () => {
    const config = readConfig(REQUIRED);
    assert.equal(config.models[0]?.name, "street");
    assert.equal(config.executionProvider, "cpu");
    assert.equal(config.workers, config.threads);
    assert.deepEqual([config.fetchHosts, config.corsOrigins, config.page, config.resize], [[], [], true, "exact"]);
  });

  it("takes an empty variable for a missing one", () => {
    assert.equal(readConfig({ ...REQUIRED, QUEUE_LIMIT: "" }).queueLimit, 64);
    assert.throws(
      () => readConfig({ MODELS: "" }),
      /MODELS: expected at least one model as NAME=URI@sha256:HEX but it is not set/,
    );
  });

  it("gives a GPU two workers, and processors one for each thread, unless told otherwise", () => {
    assert.equal(readConfig({ ...REQUIRED, EXECUTION_PROVIDER: "cuda", THREADS: "8" }).workers, 2);
    assert.equal(readConfig({ ...REQUIRED, THREADS: "8" }).workers, 8);
    assert.equal(readConfig({ ...REQUIRED, THREADS: "8", WORKERS: "3" }).workers, 3);
  });

  it("starts with its defaults on a machine of any size", async () => {
    const { availableParallelism } = os;
    const again: string = "../../service/src/config.ts?processors=300";
    try {
      os.availableParallelism = () => 300;
      syncBuiltinESMExports();
      const config = (await import(again)) as { readConfig: typeof readConfig };
      assert.equal(config.readConfig(REQUIRED).threads, 256);
    } finally {
      os.availableParallelism = availableParallelism;
      syncBuiltinESMExports();
    }
  });

  it("reads lists with commas between", () => {
    const { fetchHosts } = readConfig({ ...REQUIRED, FETCH_HOSTS: " images.example.com, *.cdn.example.com:8443 " });
    assert.deepEqual(fetchHosts, ["images.example.com", "*.cdn.example.com:8443"]);
  });

  it("names every problem at once", () => {
    const environment = {
      MODELS: "street=ftp://example.com/a@sha256:ABC",
      EXECUTION_PROVIDER: "npu",
      THREADS: "two",
      WORKERS: "0",
      MAX_BATCH: "0",
      MAX_BATCH_DELAY_MS: "-1",
      QUEUE_LIMIT: "-1",
      REQUEST_TIMEOUT_MS: "1.5",
      BODY_LIMIT_BYTES: "1e99",
      PIXEL_LIMIT: "99999999999",
      RESIZE: "slow",
      FETCH_HOSTS: "https://example.com/",
      CORS_ORIGINS: "example.com",
      RATE_LIMIT_PER_MINUTE: "many",
      OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318",
      PAGE: "yes",
      LOG_LEVEL: "loud",
    };
    assert.throws(
      () => readConfig(environment),
      (error) => {
        assert.ok(error instanceof StartError);
        for (const key of Object.keys(environment)) {
          assert.equal(error.message.split(`\n  ${key}: `).length, 2, `one entry of ${key} in:\n${error.message}`);
        }
        assert.match(error.message, /WORKERS: expected a whole number from 1 to 256 but received "?0"?/);
        return true;
      },
    );
  });
});

describe("settingsHelp", () => {
  it("names every key of the contract", () => {
    for (const key of Object.values(ENVIRONMENT)) {
      assert.match(settingsHelp(), new RegExp(`^  ${key} `, "m"));
    }
  });
});

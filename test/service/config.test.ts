import assert from "node:assert/strict";
import { ENVIRONMENT, SECRET_ENVIRONMENT } from "../../service/contract.ts";
import { readConfig, settingsHelp } from "../../service/src/config.ts";
import { StartError } from "../../service/src/errors.ts";

const REQUIRED = { MODEL_PATH: "/models/a.b.onnx", MODEL_SHA256: "0".repeat(64) };

describe("readConfig", () => {
  it("has a default for everything but the model", () => {
    const config = readConfig(REQUIRED);
    assert.equal(config.modelName, "a.b");
    assert.equal(config.threadsPerWorker, 1);
    assert.ok(config.workers >= 1);
    assert.deepEqual(config.apiKeys, []);
  });

  it("takes an empty variable for a missing one", () => {
    assert.equal(readConfig({ ...REQUIRED, QUEUE_LIMIT: "" }).queueLimit, 64);
    assert.throws(
      () => readConfig({ ...REQUIRED, MODEL_PATH: "" }),
      /MODEL_PATH: expected the path of an ONNX file but it is not set/,
    );
  });

  it("splits API keys and drops empty ones", () => {
    assert.deepEqual(readConfig({ ...REQUIRED, API_KEYS: " one,,two , " }).apiKeys, ["one", "two"]);
  });

  it("names every problem at once", () => {
    const environment = {
      MODEL_SHA256: "ABC",
      WORKERS: "0",
      THREADS_PER_WORKER: "two",
      QUEUE_LIMIT: "-1",
      REQUEST_TIMEOUT_MS: "1.5",
      BODY_LIMIT_BYTES: "1e99",
      PIXEL_LIMIT: "99999999999",
      LOG_LEVEL: "loud",
    };
    assert.throws(
      () => readConfig(environment),
      (error) => {
        assert.ok(error instanceof StartError);
        for (const key of ["MODEL_PATH", ...Object.keys(environment)]) {
          assert.equal(
            error.message.split(`  ${key}: expected`).length,
            2,
            `one problem of ${key} in:\n${error.message}`,
          );
        }
        assert.match(error.message, /WORKERS: expected a whole number from 1 to 256 but received "?0"?/);
        return true;
      },
    );
  });
});

describe("settingsHelp", () => {
  it("names every key of the contract", () => {
    for (const key of [...Object.values(ENVIRONMENT), ...Object.values(SECRET_ENVIRONMENT)]) {
      assert.match(settingsHelp(), new RegExp(`^  ${key} `, "m"));
    }
  });
});

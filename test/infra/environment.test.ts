import assert from "node:assert/strict";
import { serviceEnvironment } from "../../infra/environment.ts";
import { ENVIRONMENT, type Environment, type SecretEnvironment } from "../../service/contract.ts";
import { detectorSchema } from "../../stacks/detector-config.ts";

const { serving } = detectorSchema.parse({});
const environment = serviceEnvironment(serving, { name: "street", sha256: "0".repeat(64) });

// The type check, not mocha, fails here when the contract no longer demands every key.
const { LOG_LEVEL: _level, ...withoutLevel } = environment;
// @ts-expect-error LOG_LEVEL is missing
withoutLevel satisfies Environment<string>;
// @ts-expect-error API_KEYS is missing
({}) satisfies SecretEnvironment<string>;
// @ts-expect-error the contract knows no such key
({ ...environment, LOGLEVEL: "info" }) satisfies Environment<string>;

describe("serviceEnvironment", () => {
  it("sets every key of the contract and no other", () => {
    assert.deepEqual(Object.keys(environment).sort(), Object.values(ENVIRONMENT).sort());
  });

  it("sets no key to an empty value", () => {
    assert.deepEqual(
      Object.entries(environment).filter(([, value]) => value === ""),
      [],
    );
  });

  it("finds the model by its content", () => {
    assert.equal(environment.MODEL_PATH, `/models/${environment.MODEL_SHA256}.onnx`);
  });
});

import assert from "node:assert/strict";
import { parseChanges } from "../../local/stack.ts";

describe("parseChanges", () => {
  it("reads every kind of change out of Pulumi's summary", () => {
    const output = `Updating (local):
    + kubernetes:core/v1:Secret detector created
Resources:
    + 3 created
    ~ 1 updated
    +-2 replaced
    - 1 deleted
    12 unchanged

Duration: 5s`;
    assert.deepEqual(parseChanges(output), { created: 3, updated: 1, replaced: 2, deleted: 1, unchanged: 12 });
  });

  it("reads nothing out of an output without a summary", () => {
    assert.deepEqual(parseChanges("error: the stack is locked"), {});
  });
});

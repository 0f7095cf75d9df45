import assert from "node:assert/strict";
import { describeExpected, formatProblems } from "../../stacks/config/problems.ts";
import { registrySchema } from "../../stacks/config/registry.ts";

/** The problems of a section, as they are printed. */
function problems(raw: unknown): string[] {
  const result = registrySchema.safeParse(raw, { error: describeExpected });
  return result.success ? [] : formatProblems(result.error, raw).split("\n");
}

describe("registrySchema", () => {
  it("fills in every default", () => {
    assert.deepEqual(registrySchema.parse({}), {
      untaggedDays: 14,
      keepTagged: 500,
      encryption: "ecr",
      pullAccounts: [],
    });
  });

  it("reports every problem at once", () => {
    const raw = {
      name: "A",
      untaggedDays: 0,
      keepTagged: 1,
      encryption: "aes",
      pullAccounts: [123456789012],
      mutable: 1,
    };
    assert.deepEqual(problems(raw), [
      '✖ Expected one of ecr, kms for encryption but received "aes"',
      "✖ Expected a whole number from 10 to 10000 for keepTagged but received 1",
      "✖ Expected no such key for mutable but received 1",
      '✖ Expected a name of 2 to 256 lower-case letters and digits, joined by . _ - and / for name but received "A"',
      "✖ Expected the 12 digits of an AWS account, in quotes, for pullAccounts[0] but received 123456789012",
      "✖ Expected a whole number from 1 to 3650 for untaggedDays but received 0",
    ]);
  });
});

import assert from "node:assert/strict";
import { githubSchema } from "../../stacks/config/github.ts";
import { describeExpected, formatProblems } from "../../stacks/config/problems.ts";

const MINIMAL = { repository: "octocat/detector", environment: "dev", stateBucket: "our-state" };

describe("githubSchema", () => {
  it("fills in every default", () => {
    assert.deepEqual(githubSchema.parse(MINIMAL), { ...MINIMAL, makeProvider: false });
  });

  it("reports every problem at once", () => {
    const raw = { repository: "detector", environment: "*", makeProvider: "yes", secretsKeyArn: "alias/x", token: "x" };
    const result = githubSchema.safeParse(raw, { error: describeExpected });
    assert.ok(!result.success);
    assert.deepEqual(formatProblems(result.error, raw).split("\n"), [
      '✖ Expected the name of an environment of letters, digits and . _ - for environment but received "*"',
      '✖ Expected true or false for makeProvider but received "yes"',
      "✖ Expected OWNER/NAME, or OWNER@ID/NAME@ID where tokens name the repository so, for repository " +
        'but received "detector"',
      '✖ Expected the ARN of a key of KMS for secretsKeyArn but received "alias/x"',
      "✖ Expected 3 to 63 lower-case letters, digits and hyphens that begin and end with a letter or digit for stateBucket " +
        "but received nothing",
      '✖ Expected no such key for token but received "x"',
    ]);
  });
});

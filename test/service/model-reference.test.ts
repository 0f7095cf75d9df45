import assert from "node:assert/strict";
import { StartError } from "../../service/src/errors.ts";
import { parseModels, placeOf } from "../../service/src/model/reference.ts";

const SHA256 = "5d0874663b340e9f4af457432a6ef8b1219a970961a7778898a2c7fbf9727bdc";
const at = (name: string, uri: string) => `${name}=${uri}@sha256:${SHA256}`;

/** The problems of a setting, which must not repeat a secret. */
function problemsOf(text: string): string[] {
  try {
    parseModels(text);
  } catch (error) {
    assert.ok(error instanceof StartError);
    assert.doesNotMatch(error.message, /SECRET/);
    return error.message.split("\n");
  }
  assert.fail("no problem was found");
}

describe("the setting MODELS", () => {
  it("names models with their addresses and digests, in their order", () => {
    const entries = [
      at("street", "file:///models/street%20raw.onnx"),
      at("Yolo_11.n-seg", "https://example.com:8443/a=b/yolo11n.onnx?X-Amz-Signature=a=b"),
      at("poses", "s3://My_bucket.x/folder/pose%2C1.onnx"),
    ];
    const found = parseModels(` ${entries.join(" ,\n ")} `);
    assert.deepEqual(
      found.map(({ name, uri, sha256 }) => at(name, uri.href).replace(SHA256, sha256)),
      entries,
    );
  });

  it("tells all problems of all entries at once", () => {
    const text = [
      at("a b", "file:///a.onnx"),
      "street=https://example.com/a.onnx",
      `pose=s3://bucket/pose.onnx@sha256:${SHA256.toUpperCase()}`,
      at("twice", "file:///a.onnx"),
      at("twice", "gs://bucket/b.onnx"),
      "",
    ].join();
    const problems = problemsOf(text);
    const parts = [
      /model "a b": expected a name of letters/,
      /model street: .* ends without a digest/,
      /model pose: expected 64 lower-case .* received "5D08/,
      /model twice: .* received gs:/,
      /entry 6: .* it is empty/,
      /model twice: expected each name once/,
    ];
    assert.equal(problems.length, parts.length, problems.join("\n"));
    for (const [index, part] of parts.entries()) assert.match(problems[index] ?? "", part);
  });

  it("says what is wrong with an address", () => {
    const cases: [string, RegExp][] = [
      ["", /but there is none/],
      ["/models/a.onnx", /received a path; write file:\/\/\/models\/a\.onnx/],
      ["models/a.onnx", /not a URL/],
      ["file:a.onnx", /file:\/\/\/PATH/],
      ["file://host/a.onnx", /file:\/\/\/PATH/],
      ["file:///a%.onnx", /% is written %25/],
      ["http://localhost/a.onnx", /expected https: but received http:/],
      ["https://user:SECRET@example.com/a.onnx", /without a user name or password/],
      ["https://SECRET@example.com/a.onnx", /without a user name or password/],
      ["https://example.com/a.onnx#part", /without a fragment/],
      ["https://ex ample/a.onnx?token=SECRET", /not a URL/],
      ["ftp://example.com/a.onnx?token=SECRET", /received ftp:/],
      ["s3://bucket", /s3:\/\/BUCKET\/KEY/],
      ["s3://bucket/", /s3:\/\/BUCKET\/KEY/],
      ["s3:///key", /s3:\/\/BUCKET\/KEY/],
      ["s3://bucket/a.onnx?token=SECRET", /s3:\/\/BUCKET\/KEY/],
      ["s3://bucket/a%zz.onnx", /% is written %25/],
    ];
    for (const [uri, part] of cases) assert.match(problemsOf(at("a", uri)).join("\n"), part, uri);
  });

  it("keeps secrets where an entry is cut by a comma or has no name", () => {
    const texts = [
      "https://user:SECRET@example.com/a.onnx",
      at("https://user:SECRET@example.com/a?b", "c"),
      "a=https://user:SE,CRET@example.com/a.onnx",
      at("a", "https://user:SECRET@x/SECRET/b.onnx?c,SECRET"),
    ];
    for (const text of texts) problemsOf(text);
    assert.match(problemsOf("https://example.com/a,b").join(), /a comma inside an address is written %2C/);
  });

  it("prints addresses without their queries", () => {
    assert.equal(placeOf(new URL("https://example.com:8443/a.onnx?token=SECRET")), "https://example.com:8443/a.onnx?…");
    assert.equal(placeOf(new URL("s3://bucket/a/b.onnx")), "s3://bucket/a/b.onnx");
    assert.equal(placeOf(new URL("file:///models/a.onnx")), "file:///models/a.onnx");
  });
});

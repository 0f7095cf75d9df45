import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KeyFile } from "../../service/src/access/key-file.ts";
import { Keys, keyOf } from "../../service/src/access/keys.ts";
import { makeKey } from "../../service/src/access/make-key.ts";
import { StartError } from "../../service/src/errors.ts";

const line = (name: string, key: string) => `${name}:${createHash("sha256").update(key).digest("hex")}`;

/** The problems of a text that is no list of keys. */
function problems(text: string): string[] {
  try {
    new Keys(text);
  } catch (error) {
    assert.ok(error instanceof StartError);
    return error.message.split("\n");
  }
  return assert.fail("no problem was found");
}

describe("a list of API keys", () => {
  it("names whose key it is, and knows no other", () => {
    const keys = new Keys(`# who may call\n\n${line("web", "one")}\r\n  ${line("batch.2", "two")}\n`);
    assert.equal(keys.size, 2);
    assert.deepEqual(
      ["one", "two"].map((key) => keys.find(key)),
      ["web", "batch.2"],
    );
    for (const key of ["", "three", "one ", "One", line("web", "one")]) assert.equal(keys.find(key), undefined, key);
  });

  it("names every wrong line at once and repeats none of them", () => {
    const good = line("a", "one");
    const found = problems(
      [good, "secret", "b:ABC", `-c:${"0".repeat(64)}`, line("a", "two"), line("d", "one")].join("\n"),
    );
    assert.deepEqual(
      found.map((problem) => /^line \d/.exec(problem)?.[0]),
      ["line 2", "line 3", "line 4", "line 5", "line 6"],
    );
    assert.match(found[3] ?? "", /another name than line 1/);
    assert.match(found[4] ?? "", /another digest than line 1/);
    assert.doesNotMatch(found.join(), /secret|ABC|000/);
  });

  it("wants at least one key, and no more than it can compare in time", () => {
    assert.match(problems("# none\n").join(), /at least one/);
    const many = Array.from({ length: 1001 }, (_, index) => line(`k${index}`, String(index)));
    assert.match(problems(many.join("\n")).join(), /at most 1000 keys but there are 1001/);
    assert.equal(new Keys(many.slice(1).join("\n")).size, 1000);
  });

  it("finds the key of a request where it may be, and only there", () => {
    assert.equal(keyOf({ "x-api-key": "k" }), "k");
    assert.equal(keyOf({ authorization: "Bearer k" }), "k");
    assert.equal(keyOf({ authorization: "bearer  k" }), "k");
    assert.equal(keyOf({ "x-api-key": "a", authorization: "Bearer b" }), "a");
    assert.equal(keyOf({ upgrade: "websocket", "sec-websocket-protocol": "yolo, key.k" }), "k");
    for (const headers of [{}, { authorization: "Basic k" }, { "sec-websocket-protocol": "key.k" }]) {
      assert.equal(keyOf(headers), undefined);
    }
  });
});

describe("make-key", () => {
  const run = (...args: string[]) => {
    const script = join(import.meta.dirname, "../../service/src/access/make-key.ts");
    return spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
  };

  it("prints a key and the line by which the service knows it", () => {
    const { status, stdout } = run("web");
    assert.equal(status, 0);
    const [, key = "", , made = ""] = stdout.split("\n");
    assert.match(key, /^yolo_[\w-]{43}$/);
    assert.equal(new Keys(made).find(key), "web");
    assert.notEqual(makeKey("web").key, makeKey("web").key);
  });

  it("explains itself where the name is missing or wrong", () => {
    for (const args of [[], ["a b"], ["a", "b"]]) {
      const { status, stderr, stdout } = run(...args);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, /^Usage: .*make-key\.ts NAME\nExpected one name/);
    }
  });
});

describe("a file of API keys", () => {
  let folder: string;
  let path: string;
  let file: KeyFile | undefined;
  const said: string[] = [];
  const open = async () => {
    const reloaded = (count: number) => said.push(`reloaded ${count}`);
    file = await KeyFile.open(path, { reloaded, failed: (message) => said.push(message) }, 20);
    return file;
  };
  const until = async (true_: () => boolean) => {
    while (!true_()) await sleep(10);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-keys-"));
    path = join(folder, "api-keys");
    said.length = 0;
  });
  afterEach(async () => {
    file?.close();
    await rm(folder, { recursive: true });
  });

  it("is read again when it changes", async () => {
    await writeFile(path, line("web", "one"));
    const { keys } = await open();
    assert.equal(keys.find("one"), "web");
    await writeFile(path, `${line("web", "two")}\n${line("new", "three")}`);
    await until(() => said.length > 0);
    assert.deepEqual(said, ["reloaded 2"]);
    assert.deepEqual(
      ["one", "two", "three"].map((key) => file?.keys.find(key)),
      [undefined, "web", "new"],
    );
  });

  it("is read again when Kubernetes swaps the link to its folder", async () => {
    for (const [name, key] of [
      ["..1", "one"],
      ["..2", "two"],
    ] as const) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "api-keys"), line("web", key));
    }
    await symlink("..1", join(folder, "..data"));
    await symlink("..data/api-keys", path);
    await open();
    await symlink("..2", join(folder, "..data_tmp"));
    await rename(join(folder, "..data_tmp"), join(folder, "..data"));
    await until(() => said.length > 0);
    assert.deepEqual([file?.keys.find("one"), file?.keys.find("two")], [undefined, "web"]);
  });

  it("leaves the old keys in force when it breaks or goes, says so once, and recovers", async () => {
    await writeFile(path, line("web", "one"));
    await open();
    await writeFile(path, "nonsense");
    await until(() => said.length === 1);
    assert.match(said[0] ?? "", /line 1: expected NAME:HEX/);
    await rm(path);
    await until(() => said.length === 2);
    assert.match(said[1] ?? "", /Expected a file of API keys at .*no such file/);
    await sleep(100);
    assert.equal(said.length, 2);
    assert.equal(file?.keys.find("one"), "web");
    await writeFile(path, line("web", "two"));
    await until(() => file?.keys.find("two") === "web");
  });

  it("is refused at the start when it is missing, too large or wrong", async () => {
    await assert.rejects(open(), /Expected a file of API keys at \S+\/api-keys \(API_KEYS_FILE\), but .*no such file/);
    await writeFile(path, `a\n${line("web", "one")}\nb`);
    await assert.rejects(open(), /Invalid API keys in .*\n {2}line 1: .*\n {2}line 3: .*\n.*make-key/);
    await writeFile(path, "#".repeat(1_048_577));
    await assert.rejects(open(), /it has 1048577 bytes, more than 1048576/);
  });
});

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { Account } from "./aws/account.ts";

const STORED = { type: "t", inputs: {}, outputs: {} };

describe("the account's file", () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "yolo-account-"));
    file = join(folder, "account.json");
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("loses nothing that processes write at the same time", async () => {
    const script = `
      const { Account } = await import(${JSON.stringify(join(import.meta.dirname, "aws", "account.ts"))});
      const account = new Account(${JSON.stringify(file)});
      for (let i = 0; i < 50; i++)
        account.change(({ list }) => list.push({ type: "t", id: process.pid + "-" + i, inputs: {}, outputs: {} }));`;
    await Promise.all([1, 2, 3].map(() => execa(process.execPath, ["--input-type=module", "--eval", script])));
    assert.equal(new Set(new Account(file).read().list.map(({ id }) => id)).size, 150);
    assert.deepEqual(readdirSync(folder), ["account.json"]);
  });

  it("stays as it is when a change fails", () => {
    const account = new Account(file);
    account.change(({ list }) => list.push({ ...STORED, id: "1" }));
    assert.throws(() =>
      account.change(({ list }) => {
        list.push({ ...STORED, id: "2" });
        throw new Error("refused");
      }),
    );
    assert.deepEqual(
      account.read().list.map(({ id }) => id),
      ["1"],
    );
  });

  it("is not held by a process that is gone", () => {
    // No process can have it: https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html (pid_max)
    writeFileSync(`${file}.lock`, String(2 ** 22 + 1));
    new Account(file).change(({ list }) => list.push({ ...STORED, id: "1" }));
    assert.equal(existsSync(`${file}.lock`), false);
  });

  it("is empty before anything was made, and is not made by looking", () => {
    assert.deepEqual(new Account(file).read().list, []);
    assert.equal(existsSync(file), false);
  });
});

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withLock } from "../../local/toolchain/lock.ts";

const LOCK_MODULE = join(import.meta.dirname, "..", "..", "local", "toolchain", "lock.ts");

describe("a lock that clones share", () => {
  let folder: string;
  let file: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-lock-"));
    file = join(folder, "deep", "lock");
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });

  /** A process that logs when it enters, holds the lock for a time, and logs when it leaves. */
  function holder(holdMs: number): ChildProcess {
    const text = `
      import { appendFileSync } from "node:fs";
      import { withLock } from ${JSON.stringify(LOCK_MODULE)};
      await withLock(${JSON.stringify(file)}, { signal: new AbortController().signal }, async () => {
        appendFileSync(${JSON.stringify(join(folder, "log"))}, "in ");
        console.log("in");
        await new Promise((resolve) => setTimeout(resolve, ${holdMs}));
        appendFileSync(${JSON.stringify(join(folder, "log"))}, "out ");
      });`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", text], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    return child;
  }

  it("lets one process in at a time", async () => {
    const exits = [holder(300), holder(300), holder(300)].map((child) => once(child, "exit"));
    for (const [code] of await Promise.all(exits)) assert.equal(code, 0);
    assert.equal(await readFile(join(folder, "log"), "utf8"), "in out in out in out ");
  });

  it("is free again as soon as the process that held it is killed", async () => {
    const child = holder(1e8);
    assert.ok(child.stdout);
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await withLock(file, { signal: AbortSignal.timeout(5000) }, async () => {});
  });

  it("tells that another holds it, and stops waiting when interrupted", async () => {
    const child = holder(1e8);
    assert.ok(child.stdout);
    await once(child.stdout, "data");
    const interrupt = new AbortController();
    let waited = 0;
    const onWait = () => {
      waited++;
      interrupt.abort(new Error("stop"));
    };
    await assert.rejects(withLock(file, { signal: interrupt.signal, onWait }, async () => assert.fail("was let in")));
    assert.equal(waited, 1);
  });

  it("is released when the action fails", async () => {
    const { signal } = new AbortController();
    await assert.rejects(
      withLock(file, { signal }, () => Promise.reject(new Error("no"))),
      /no/,
    );
    await withLock(file, { signal }, () => sleep(1));
  });
});

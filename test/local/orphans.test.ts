import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { endOrphans } from "../../local/cluster/processes.ts";
import { eventually, processesNaming } from "../support/cluster.ts";

describe("endOrphans", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-orphans-"));
    await mkdir(join(folder, "plugins"));
    await copyFile("/bin/sleep", join(folder, "plugins", "plugin"));
    await copyFile("/bin/bash", join(folder, "engine"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("ends a plugin whose engine is gone, and none whose engine runs", async () => {
    const plugins = join(folder, "plugins");
    const script = `'${plugins}/plugin' 60 & wait`;
    const [lost, running] = [1, 2].map(() =>
      execa(join(folder, "engine"), ["-c", script], { reject: false, stdio: "ignore" }),
    );
    assert.ok(lost && running);
    try {
      const both = async () => (await processesNaming(`${plugins}/plugin`)).filter((line) => !line.includes(" -c "));
      await eventually("both plugins", async () => ((await both()).length === 2 ? true : undefined));
      lost.kill("SIGKILL");
      await lost;
      await endOrphans(plugins, "engine");
      assert.equal((await both()).length, 1);
      await endOrphans(plugins, "another");
      assert.deepEqual(await both(), []);
    } finally {
      running.kill("SIGKILL");
      await endOrphans(plugins, "another");
    }
  });
});

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { poolThreads } from "../../service/src/thread-pool.ts";
import { Server } from "./server-process.ts";
import { environment } from "./support.ts";

/** Threads of a process by that name. */
function threadsNamed(pid: number, name: string): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).filter((task) => readFileSync(`${tasks}/${task}/comm`, "utf8").trim() === name).length;
}

describe("the pool of threads that decode", () => {
  it("has one for each image that all workers decode at once, and some for the rest", () => {
    assert.equal(poolThreads({ WORKERS: "6", THREADS: "2" }), 10);
    assert.equal(poolThreads({ WORKERS: "", THREADS: "3" }), 7);
    assert.equal(poolThreads({ WORKERS: "2", MAX_BATCH: "3" }), 10);
    assert.equal(poolThreads({ WORKERS: "2", MAX_BATCH: "64" }), 12);
    assert.equal(poolThreads({ WORKERS: "256", MAX_BATCH: "128" }), 1024);
    const own = availableParallelism() + 4;
    assert.deepEqual([poolThreads({}), poolThreads({ WORKERS: "many", MAX_BATCH: "-1" })], [own, own]);
  });

  for (const [title, more, expected] of [
    ["is of that size in a server that runs", {}, 10],
    ["is as the environment says where it says so", { UV_THREADPOOL_SIZE: "3" }, 3],
  ] as const) {
    it(title, async function () {
      if (!existsSync("/proc/self/task")) this.skip();
      const server = new Server(environment("raw", { WORKERS: "6", LOG_LEVEL: "info", ...more }));
      try {
        await server.ready();
        assert.equal(threadsNamed(server.process.pid ?? 0, "libuv-worker"), expected);
      } finally {
        server.process.kill("SIGKILL");
        await server.exit;
      }
    });
  }
});

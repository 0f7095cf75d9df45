import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.ts";
import { CGROUP } from "./paths.ts";

/** Controllers that the kubelet and runc cannot do without. */
const REQUIRED = ["cpu", "cpuset", "memory", "pids"];

/** A mounted hierarchy of control groups. */
interface Hierarchy {
  path: string;
  version: 1 | 2;
  /** What it controls; empty for version 2, where the kernel tells it in a file. */
  controllers: string[];
}

/** Makes this clone's cgroup in every hierarchy, because the kubelet demands that its root exists. */
export async function createCgroups(): Promise<void> {
  const hierarchies = await mountedHierarchies();
  const offered: string[] = [];
  for (const { path, version, controllers } of hierarchies) {
    const folder = join(path, CGROUP);
    if (version === 2) offered.push(...(await delegate(path)));
    else offered.push(...controllers);
    await mkdir(folder, { recursive: true });
    // In version 1 a new group may use no processor and no memory node until it is told which.
    if (controllers.includes("cpuset")) {
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        await writeFile(join(folder, file), await readFile(join(path, file), "utf8"));
      }
    }
  }
  const missing = REQUIRED.filter((controller) => !offered.includes(controller));
  if (missing.length > 0) {
    throw new UserError(
      `Expected the cgroup controllers ${REQUIRED.join(", ")} for pods but found no ${missing.join(", ")}.\n` +
        "Is /sys/fs/cgroup mounted writable? In a container it is with `docker run --privileged --cgroupns=host`.",
    );
  }
}

/** Removes this clone's cgroups, deepest first, once their processes have ended. Says whether there were any. */
export async function removeCgroups(): Promise<boolean> {
  const folders = (await mountedHierarchies())
    .map(({ path }) => join(path, CGROUP))
    .filter((folder) => existsSync(folder));
  await Promise.all(folders.map(removeTree));
  return folders.length > 0;
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(ignoring("ENOENT"));
  for (const entry of entries ?? []) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  // The kernel lets go of a group a moment after its last process has ended.
  const deadline = Date.now() + 5000;
  for (;;) {
    try {
      await rmdir(folder);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return;
      if (code !== "EBUSY" || Date.now() > deadline) throw error;
      await sleep(20);
    }
  }
}

async function mountedHierarchies(): Promise<Hierarchy[]> {
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).trimEnd().split("\n");
  return mounts.flatMap((line): Hierarchy[] => {
    const [before = "", after = ""] = line.split(" - ");
    const path = before.split(" ")[4] ?? "";
    const [type, , options = ""] = after.split(" ");
    if (type === "cgroup2") return [{ path, version: 2, controllers: [] }];
    return type === "cgroup" ? [{ path, version: 1, controllers: options.split(",") }] : [];
  });
}

/** Lets the children of a version 2 hierarchy use all of its controllers, and returns those that they then have. */
async function delegate(path: string): Promise<string[]> {
  const read = async (file: string) => (await readFile(join(path, file), "utf8")).trim().split(" ").filter(Boolean);
  for (const controller of await read("cgroup.controllers")) {
    // A controller that the kernel refuses is one that children lack: the caller tells if it is needed.
    await writeFile(join(path, "cgroup.subtree_control"), `+${controller}`).catch(
      ignoring("EBUSY", "EINVAL", "ENOTSUP"),
    );
  }
  return read("cgroup.subtree_control");
}

function ignoring(...codes: string[]): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code === undefined || !codes.includes(error.code)) throw error;
    return undefined;
  };
}

import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { findNode } from "../../local/cluster/processes.ts";
import { ROOT } from "../../local/paths.ts";

const START = join(ROOT, "test", "support", "start-cluster.ts");
const STOP = join(ROOT, "local", "stop.ts");
const STATUS = join(ROOT, "local", "status.ts");

/** What a start of the cluster says at its end. */
export interface Started {
  created: boolean;
  nodeAddress: string;
  /** An image in the node whose only program, /pause, sleeps. */
  image: string;
}

/** A clone's cluster with a state folder of its own. */
export class TestCluster {
  readonly state: string;

  private constructor(state: string) {
    this.state = state;
  }

  static async create(): Promise<TestCluster> {
    return new TestCluster(await mkdtemp(join(tmpdir(), "yolo-cluster-")));
  }

  get nodeDir(): string {
    return join(this.state, "node");
  }

  /** What names everything of this clone outside of its folder. */
  get id(): string {
    return idOf(this.state);
  }

  /** PID 1 of the node as the host numbers it. */
  get init(): number {
    const node = findNode(this.nodeDir);
    if (node === undefined) throw new Error("the cluster does not run");
    return node.init;
  }

  /** Starts the cluster in a process of its own, which may be killed. */
  spawnStart() {
    return execa(process.execPath, [START], {
      env: { YOLO_STATE: this.state },
      all: true,
      reject: false,
      stdin: "ignore",
    });
  }

  async start(): Promise<Started> {
    const { exitCode, all } = await this.spawnStart();
    if (exitCode !== 0) throw new Error(`the start failed with exit code ${exitCode}:\n${all}`);
    return JSON.parse(all.trimEnd().split("\n").at(-1) ?? "") as Started;
  }

  async stop(): Promise<string> {
    return (await execa(process.execPath, [STOP], { env: { YOLO_STATE: this.state } })).stdout;
  }

  async status(): Promise<string> {
    return (await execa(process.execPath, [STATUS], { env: { YOLO_STATE: this.state } })).stdout;
  }

  async kubectl(args: string[], input = ""): Promise<string> {
    const kubectl = join(this.state, "bin", "kubectl");
    return (await execa(kubectl, ["--kubeconfig", join(this.state, "kubeconfig"), ...args], { input })).stdout;
  }

  /** Applies an object; what the API server refuses is thrown with its words. */
  apply(object: object): Promise<string> {
    return this.kubectl(["apply", "--filename", "-"], JSON.stringify(object));
  }

  /** Runs a program of the host in the node's network and PID namespaces. */
  async inside(...command: [string, ...string[]]): Promise<string> {
    return (await execa("nsenter", ["--target", String(this.init), "--net", "--pid", "--mount", "--", ...command]))
      .stdout;
  }

  /** Host PIDs of the processes of this node that run a program. */
  async pidsOf(program: string): Promise<number[]> {
    const numbers = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
    const namespace = await pidNamespace(this.init);
    const found: number[] = [];
    for (const pid of numbers) {
      const name = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0")[0]?.split("/").at(-1);
      if (name === program && (await pidNamespace(pid)) === namespace) found.push(pid);
    }
    return found;
  }

  /** Stops the cluster and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.state, { recursive: true, force: true });
  }
}

function idOf(state: string): string {
  return createHash("sha256").update(state).digest("hex").slice(0, 8);
}

/** Waits a moment for devices whose owner is not written at them yet. */
async function ownedDevices(): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const devices = (await readdir("/sys/class/net")).filter((device) => /^yolo\d+$/.test(device));
    const owned = await nodeDevices();
    if (devices.every((device) => owned.some((each) => each.device === device))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Network devices of this machine by the id of the clone whose node they lead to. */
async function nodeDevices(): Promise<{ device: string; id: string }[]> {
  const found: { device: string; id: string }[] = [];
  for (const device of await readdir("/sys/class/net")) {
    const alias = await readFile(`/sys/class/net/${device}/ifalias`, "utf8").catch(() => "");
    const [, id] = /^yolo-(\w+)$/.exec(alias.trim()) ?? [];
    if (id !== undefined) found.push({ device, id });
  }
  return found;
}

/** Network devices that lead to the node of the clone with this state folder. */
export async function devicesOf(state: string): Promise<string[]> {
  return (await nodeDevices()).filter(({ id }) => id === idOf(state)).map(({ device }) => device);
}

async function pidNamespace(pid: number): Promise<string> {
  const { stdout } = await execa("readlink", [`/proc/${pid}/ns/pid`], { reject: false });
  return stdout;
}

/** Repeats a check until it returns something, for at most half a minute. */
export async function eventually<T>(what: string, check: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const result = await check();
    if (result !== undefined) return result;
    if (Date.now() > deadline) throw new Error(`waited 30 s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Everything of this machine that a node could leave behind: devices, addresses, routes, firewall rules, mounts, cgroups,
 * kernel parameters and paths that container tools use. What clusters of other clones have is left out.
 */
export async function machineState({ id }: TestCluster): Promise<Record<string, string[]>> {
  const lines = async (program: string, ...args: string[]) => {
    const { stdout, failed } = await execa(program, args, { reject: false });
    return failed ? ["(not available)"] : (stdout as string).split("\n");
  };
  const cgroups = await lines(
    "find",
    "/sys/fs/cgroup",
    "-mindepth",
    "2",
    "-maxdepth",
    "2",
    "-type",
    "d",
    "-name",
    `yolo-${id}`,
  );
  const parameters = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/ip_forward",
  ];
  const paths = ["/run", "/var/lib", "/var/log", "/opt", "/etc/cni", "/usr/libexec/kubernetes"];
  const before = await nodeDevices();
  const addresses = await lines("ip", "-brief", "address");
  const routes = await lines("ip", "route", "show", "table", "all");
  // Other clusters start and stop meanwhile; those that are just starting say in a moment whose their devices are.
  await ownedDevices();
  const others = [...before, ...(await nodeDevices())].filter((each) => each.id !== id).map(({ device }) => device);
  const own = (line: string) => !others.some((device) => line.includes(device));
  return {
    addresses: addresses.filter(own),
    routes: routes.filter(own),
    rules: (await lines("iptables-save")).filter((line) => !line.startsWith("#")),
    mounts: (await readFile("/proc/self/mountinfo", "utf8")).split("\n"),
    cgroups: cgroups.sort(),
    parameters: await Promise.all(
      parameters.map(async (name) => `${name}=${await readFile(`/proc/sys/${name}`, "utf8")}`),
    ),
    paths: (await Promise.all(paths.map((path) => readdir(path).catch(() => [])))).map((names) =>
      names.sort().join(" "),
    ),
  };
}

/** Command lines of the processes that name a path. */
export async function processesNaming(path: string): Promise<string[]> {
  const numbers = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const commands = await Promise.all(numbers.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return commands.filter((command) => command.includes(path)).map((command) => command.replaceAll("\0", " "));
}

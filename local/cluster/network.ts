import { readdir, readFile } from "node:fs/promises";
import { BlockList, isIPv4 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { UserError } from "../errors.ts";
import { CLONE_ID, SERVICE_RANGE } from "./paths.ts";

/** The two ends of the only way into a node. */
export interface NodeNetwork {
  /** Name of the host's end. */
  device: string;
  hostAddress: string;
  nodeAddress: string;
}

/** The range that clones take their /30 from, as its first two numbers. */
const RANGE = "10.200";
const CANDIDATES = 2 ** 14;
const DEVICES = "/sys/class/net";
/** A wider route (a private network's 10.0.0.0/8) does not say that single addresses of the range are in use. */
const NARROW_PREFIX = 16;

/**
 * Joins the host and the network namespace of process `pid` by a veth pair on a free /30 of 10.200.0.0/16. The device is
 * named after the /30, so that the kernel settles it when two clones choose at the same time.
 */
export async function connectNode(pid: number, environment: Record<string, string>): Promise<NodeNetwork> {
  const ip = (...args: string[]) => execa("ip", args, { env: environment, extendEnv: false });
  const taken = await rangesInUse(ip);
  for (let index = 0; index < CANDIDATES; index++) {
    const [base, hostAddress, , nodeAddress] = [0, 1, 1, 2].map((offset) => address(index * 4 + offset));
    if (base === undefined || hostAddress === undefined || nodeAddress === undefined || overlaps(taken, index))
      continue;
    const device = `yolo${index}`;
    const added = await execa(
      "ip",
      ["link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", String(pid)],
      { env: environment, extendEnv: false, reject: false },
    );
    if (added.failed) {
      if (/File exists/.test(added.stderr ?? "")) continue;
      throw new Error(`Could not make a veth pair: ${added.stderr || added.message}`);
    }
    await ip("link", "set", device, "alias", alias(), "addrgenmode", "none", "up");
    await ip("address", "add", `${hostAddress}/30`, "dev", device);
    const inside = [
      "link set lo up",
      "link set eth0 addrgenmode none up",
      `address add ${nodeAddress}/30 dev eth0`,
      // Service addresses are rewritten by iptables, but only after the kernel has found some route for them.
      `route add ${SERVICE_RANGE} dev eth0`,
    ].join("\n");
    await execa("nsenter", ["--target", String(pid), "--net", "ip", "-batch", "-"], {
      env: environment,
      extendEnv: false,
      input: `${inside}\n`,
    });
    return { device, hostAddress, nodeAddress };
  }
  throw new UserError(
    `Expected a free /30 range in ${RANGE}.0.0/16 for the node, but this machine's addresses and routes cover all of them.\n` +
      "Look at `ip route` and remove a route of at least /16 that covers the range.",
  );
}

/** Waits until the kernel has removed this clone's device, which it does when the node's network namespace ends. */
export async function waitForDisconnect(): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (let device = await ownDevice(); device !== undefined; device = await ownDevice()) {
    if (Date.now() > deadline)
      throw new Error(`The network device ${device} is still there 10 s after the node ended.`);
    await sleep(20);
  }
}

async function ownDevice(): Promise<string | undefined> {
  for (const device of await readdir(DEVICES)) {
    const found = await readFile(`${DEVICES}/${device}/ifalias`, "utf8").catch(() => ""); // removed meanwhile
    if (found.trim() === alias()) return device;
  }
  return undefined;
}

function alias(): string {
  return `yolo-${CLONE_ID}`;
}

/** What the host's addresses and routes cover, as `address/prefix`. */
async function rangesInUse(ip: (...args: string[]) => Promise<{ stdout: string }>): Promise<BlockList> {
  const addresses = JSON.parse((await ip("-json", "-4", "address", "show")).stdout || "[]") as {
    addr_info: { local: string; prefixlen: number }[];
  }[];
  const routes = JSON.parse((await ip("-json", "-4", "route", "show", "table", "all")).stdout || "[]") as {
    dst: string;
  }[];
  const taken = new BlockList();
  const add = (net: string, prefix: number) => {
    if (isIPv4(net) && prefix >= NARROW_PREFIX) taken.addSubnet(net, prefix, "ipv4");
  };
  for (const { local, prefixlen } of addresses.flatMap(({ addr_info }) => addr_info)) add(local, prefixlen);
  for (const { dst } of routes) {
    const [net = "", prefix = "32"] = dst.split("/");
    add(net, Number(prefix));
  }
  return taken;
}

function overlaps(taken: BlockList, index: number): boolean {
  return [0, 1, 2, 3].some((offset) => taken.check(address(index * 4 + offset)));
}

function address(offset: number): string {
  return `${RANGE}.${offset >> 8}.${offset & 255}`;
}

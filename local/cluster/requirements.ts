import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ExecaError, execa } from "execa";
import { UserError } from "../errors.ts";
import { NODE_DIR } from "./paths.ts";

/** Tries what a node needs of the kernel in namespaces of its own, and names the first thing that fails. */
const PROBE = `
fail() { echo "yolo-lacks: $1" >&2; exit 1; }
ip link set lo up || fail "network namespaces"
mount -t tmpfs probe "$1" || fail "mount namespaces"
mkdir "$1/low" "$1/up" "$1/work" "$1/merged"
mount -t overlay overlay -o "lowerdir=$1/low,upperdir=$1/up,workdir=$1/work" "$1/merged" || fail "the overlay file system"
ip link add yoloprobe type bridge || fail "network bridges"
ip link add yoloa type veth peer name yolob || fail "veth network devices"
[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || modprobe br_netfilter || fail "iptables on bridges (module br_netfilter)"
`;

/** Throws a UserError on anything but Linux. */
export function requireLinux(): void {
  if (process.platform === "linux") return;
  throw new UserError(
    `Expected Linux for the embedded cluster but this is ${process.platform}. ` +
      "Use a Linux machine (a virtual machine will do), or any existing cluster through its kubeconfig.",
  );
}

/** Throws a UserError unless this process runs as root; `purpose` says what for. */
export function requireRoot(purpose: string): void {
  if (process.geteuid?.() === 0) return;
  throw new UserError(
    `Expected root ${purpose} but this is user ${process.geteuid?.()}: containers need namespaces, mounts and network ` +
      "devices. Run the same command as root (sudo), or use any existing cluster through its kubeconfig.",
  );
}

/** Throws a UserError that names what this machine's kernel lacks to run a node. */
export async function checkKernel(environment: Record<string, string>): Promise<void> {
  const probe = join(NODE_DIR, "probe");
  await mkdir(probe, { recursive: true, mode: 0o700 });
  try {
    const namespaces = ["--pid", "--fork", "--mount", "--net", "--kill-child=KILL"];
    await execa("unshare", [...namespaces, "sh", "-c", PROBE, "probe", probe], { env: environment, extendEnv: false });
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    const lacking = /yolo-lacks: (.*)/.exec(error.stderr ?? "")?.[1] ?? "namespaces (the program unshare)";
    throw new UserError(
      `Expected a kernel with ${lacking} for the embedded cluster, but trying it failed:\n${error.stderr || error.shortMessage}\n` +
        "In a container, start it with all privileges (docker run --privileged); elsewhere, use a stock distribution kernel.",
    );
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

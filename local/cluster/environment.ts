import { join } from "node:path";
import type { Toolchain } from "../toolchain/index.ts";

const TRIPLET = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";

/** Where the CNI plugins of Debian's package lie. */
export function cniPluginDir({ runtimeDir }: Toolchain): string {
  return join(runtimeDir, "usr/lib/cni");
}

/**
 * The whole environment of the node: where programs, libraries and iptables' extensions are found. Nothing of the user's
 * environment is passed on; a proxy setting, for one, would send the components' own connections astray.
 */
export function nodeEnvironment({ binDir, runtimeDir }: Toolchain): Record<string, string> {
  const inRuntime = (...folders: string[]) => folders.map((folder) => join(runtimeDir, folder));
  const programs = inRuntime("usr/sbin", "usr/bin", "sbin", "bin");
  return {
    PATH: ["/run/bin", binDir, ...programs, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"].join(":"),
    LD_LIBRARY_PATH: inRuntime(`usr/lib/${TRIPLET}`, `lib/${TRIPLET}`).join(":"),
    XTABLES_LIBDIR: join(runtimeDir, "usr/lib", TRIPLET, "xtables"),
    HOME: "/root",
    TMPDIR: "/run/tmp",
    LC_ALL: "C",
  };
}

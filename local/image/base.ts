import { globSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { CONTAINER } from "../../service/contract.ts";
import { type DebianPackage, extractDebianPackages, fetchDebianPackages } from "../toolchain/debian.ts";
import { type Blob, layer, type Store, sha256OfFile } from "./store.ts";

/** What the native code of Node, ONNX Runtime and sharp links to, by `readelf -d`; packages these depend on come along. */
const LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1", "libatomic1"];

/** Parts of the packages that no program in the image reads. */
const UNUSED = [
  "{boot,home,media,mnt,opt,srv,var/backups,var/local,var/mail}",
  "etc/{default,dpkg,issue,issue.net,profile.d,skel,update-motd.d}",
  "usr/{games,include,src}",
  "usr/share/{base-files,bug,dict,gcc,gdb,info,lintian,man,misc}",
  "usr/share/doc/*/{changelog*,NEWS*,README*,TODO*,FAQ*,BUGS*,*.gz}",
  "{,usr/}lib/*/{audit,gconv}",
];

const ACCOUNTS = {
  "etc/passwd": [
    "root:x:0:0:root:/root:/sbin/nologin",
    "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin",
    `nonroot:x:${CONTAINER.uid}:${CONTAINER.uid}:nonroot:/home/nonroot:/sbin/nologin`,
  ],
  "etc/group": ["root:x:0:", "nogroup:x:65534:", `nonroot:x:${CONTAINER.uid}:`],
  "etc/nsswitch.conf": ["passwd: files", "group: files", "hosts: files dns"],
};

/**
 * The lowest layer: a Debian root file system of shared libraries only, with neither shell nor package manager, and the
 * packages that it consists of. Their control files lie where scanners look for them, in /var/lib/dpkg/status.d.
 * The packages stay those of the first build until the cache is deleted.
 */
export async function baseLayer(
  store: Store,
  report: (line: string) => void,
): Promise<{ blob: Blob; packages: DebianPackage[] }> {
  const { signal } = store;
  const folder = join(store.dir, "debian", process.arch);
  const packages = [
    // base-files depends on awk only for its installation script, which is not run.
    ...(await fetchDebianPackages(["base-files"], join(folder, "base-files"), { signal, report })),
    ...(await fetchDebianPackages(LIBRARIES, join(folder, "libraries"), { signal, report, dependencies: true })),
  ];
  const inputs = [packages.map(({ sha256 }) => sha256), await sha256OfFile(import.meta.filename)];
  const blob = await layer(store, "base", inputs, async (root) => {
    report("unpacking the Debian base of the image");
    await extractDebianPackages(packages, root, signal);
    for (const path of globSync(UNUSED, { cwd: root })) await rm(join(root, path), { recursive: true, force: true });
    for (const dir of ["etc", "home/nonroot", "var/lib/dpkg/status.d"])
      await mkdir(join(root, dir), { recursive: true });
    for (const [file, lines] of Object.entries(ACCOUNTS)) await writeFile(join(root, file), `${lines.join("\n")}\n`);
    for (const { name, path } of packages) {
      const { stdout } = await execa("dpkg-deb", ["--field", path], { cancelSignal: signal });
      await writeFile(join(root, "var/lib/dpkg/status.d", name), `${stdout}\n`);
    }
  });
  return { blob, packages };
}

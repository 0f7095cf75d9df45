import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { KUBECONFIG } from "../paths.ts";
import type { Toolchain } from "../toolchain/index.ts";
import { type Command, components, kubeconfigOf } from "./components.ts";
import { cniPluginDir } from "./environment.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { containerdConfig, kubeletConfig, networkConfig } from "./node-config.ts";
import { INSIDE, NODE_DIR } from "./paths.ts";
import { createPki, USERS, type User } from "./pki.ts";

/** Writes all that the components read and the programs that start them, and the administrator's kubeconfig. */
export async function writeNodeFiles(nodeAddress: string, toolchain: Toolchain): Promise<void> {
  const { authority, users } = await createPki(join(NODE_DIR, "pki"), nodeAddress);
  const kubeconfigs = Object.fromEntries(
    (Object.keys(USERS) as User[]).map((user) => [kubeconfigOf(user), kubeconfig(nodeAddress, authority, users[user])]),
  );
  const { [kubeconfigOf("admin")]: admin = "", ...others } = kubeconfigs;
  const files: Record<string, string> = {
    ...others,
    [`${INSIDE}/kubelet.yaml`]: stringify(kubeletConfig(nodeAddress)),
    [`${INSIDE}/containerd.toml`]: containerdConfig(cniPluginDir(toolchain)),
    [`${INSIDE}/cni/10-yolo.conflist`]: JSON.stringify(networkConfig()),
    // No server to ask: names outside the cluster do not exist inside it.
    [`${INSIDE}/resolv.conf`]: "",
  };
  for (const [path, content] of Object.entries(files)) await writeInside(path, content, 0o600);
  for (const [phase, commands] of Object.entries(components(nodeAddress))) {
    for (const [name, command] of Object.entries(commands)) {
      await writeInside(`${INSIDE}/components/${phase}/${name}`, script(command), 0o700);
    }
  }
  await writeFile(KUBECONFIG, admin, { mode: 0o600 });
}

/** Writes a file that the node sees at `path`. */
async function writeInside(path: string, content: string, mode: number): Promise<void> {
  const file = join(NODE_DIR, path.slice(INSIDE.length));
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, content, { mode });
}

function script(command: Command): string {
  const quoted = command.map((argument) => `'${argument.replaceAll("'", "'\\''")}'`);
  return `#!/bin/sh\nexec ${quoted.join(" \\\n  ")}\n`;
}

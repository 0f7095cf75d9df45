import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../../local/paths.ts";

/** How a command of this clone ended, with everything that it printed. */
export interface Ended {
  exitCode: number | undefined;
  output: string;
}

/** This clone with a state folder of its own, so that a test never meets a cluster that somebody uses. */
export interface TestClone {
  state: string;
  /** Runs an npm script the way a user does. */
  npm(script: string, ...args: string[]): Promise<Ended>;
  kubectl(...args: string[]): Promise<string>;
  /** Stops the cluster and removes the folder. */
  remove(): Promise<void>;
}

/** Makes a state folder for a test. */
export async function testClone(): Promise<TestClone> {
  const state = await mkdtemp(join(tmpdir(), "yolo-state-"));
  const env = { YOLO_STATE: state };
  const npm = async (script: string, ...args: string[]) => {
    const run = await execa("npm", ["run", "--silent", script, "--", ...args], {
      cwd: ROOT,
      env,
      stdin: "ignore",
      all: true,
      reject: false,
    });
    return { exitCode: run.exitCode, output: run.all };
  };
  return {
    state,
    npm,
    async kubectl(...args) {
      const kubectl = join(state, "bin", "kubectl");
      return (await execa(kubectl, ["--kubeconfig", join(state, "kubeconfig"), ...args])).stdout;
    },
    async remove() {
      await npm("stop");
      await rm(state, { recursive: true, force: true });
    },
  };
}

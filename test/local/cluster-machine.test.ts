import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../../local/paths.ts";

const REQUIREMENTS = join(ROOT, "local", "cluster", "requirements.ts");
const NETWORK = join(ROOT, "local", "cluster", "network.ts");

/** Runs a program of TypeScript's importing kind under another program, and returns what it prints. */
async function run(under: [string, ...string[]], program: string, env: Record<string, string> = {}): Promise<string> {
  const [file, ...args] = [...under, process.execPath, "--input-type=module", "--eval", program];
  const { all } = await execa(file, args, { all: true, env });
  return all;
}

describe("embedded cluster on a machine that lacks something", () => {
  let state: string;

  before(async () => {
    state = await mkdtemp(join(tmpdir(), "yolo-machine-"));
  });
  after(async () => {
    await rm(state, { recursive: true, force: true });
  });

  const printError = "(error) => console.log(error.name + ': ' + error.message)";

  it("wants root", async () => {
    const program = `
      process.setgid(65534); process.setuid(65534);
      const { requireRoot } = await import(${JSON.stringify(REQUIREMENTS)});
      try { requireRoot("for the embedded cluster"); } catch (error) { (${printError})(error); }`;
    assert.match(
      await run(["env"], program),
      /^UserError: Expected root for the embedded cluster but this is user 65534/,
    );
  });

  it("wants the right to make namespaces", async () => {
    const program = `
      const { checkKernel } = await import(${JSON.stringify(REQUIREMENTS)});
      await checkKernel({ PATH: process.env.PATH }).catch(${printError});`;
    const output = await run(["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"], program, {
      YOLO_STATE: state,
    });
    assert.match(output, /^UserError: Expected a kernel with namespaces .*[\s\S]*not permitted/);
    assert.equal(await run(["env"], program, { YOLO_STATE: state }), "");
  });

  /** Joins a node's network namespace to a host, itself a network namespace, that has an address. */
  async function connectWith(address: string): Promise<string> {
    const program = `
      import { spawn } from "node:child_process";
      const { connectNode } = await import(${JSON.stringify(NETWORK)});
      const node = spawn("unshare", ["--net", "sleep", "30"]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await connectNode(node.pid, { PATH: process.env.PATH }).then((made) => console.log(JSON.stringify(made)), ${printError});
      node.kill("SIGKILL");`;
    const host = `ip link set lo up; ip address add ${address} dev lo; exec "$@"`;
    return run(["unshare", "--net", "sh", "-euc", host, "host"], program, { YOLO_STATE: state });
  }

  it("takes the first /30 that no address of the machine covers", async () => {
    assert.deepEqual(JSON.parse(await connectWith("10.200.0.1/24")), {
      device: "yolo64",
      hostAddress: "10.200.1.1",
      nodeAddress: "10.200.1.2",
    });
  });

  it("does not mind an address of a much wider network", async () => {
    assert.match(await connectWith("10.1.2.3/8"), /"device":"yolo0"/);
  });

  it("says that no /30 is free when the whole range is in use", async () => {
    assert.match(await connectWith("10.200.0.1/16"), /^UserError: Expected a free \/30 range in 10\.200\.0\.0\/16/);
  });
});

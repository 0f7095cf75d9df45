import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { MIG } from "../../../infra/gpu/mig.ts";
import { GPUS, type GpuModel } from "../../../infra/nodes/instance-types.ts";
import { ROOT } from "../../../local/paths.ts";

describe("MIG", () => {
  it("has profiles that fit a GPU's memory and seven slices, as many of each as fit", () => {
    assert.deepEqual(Object.keys(MIG), ["A100", "A100-80GB", "H100", "H200", "B200"]);
    for (const [model, { instances, bottlerocket }] of Object.entries(MIG)) {
      const { memoryGib } = GPUS[model as GpuModel];
      // Names are rounded: a half of 141 is called 71.
      const room = memoryGib + 1;
      for (const [profile, count] of Object.entries(instances)) {
        const [, slices = "", gib = ""] = /^(\d)g\.(\d+)gb$/.exec(profile) ?? [];
        assert.ok(Number(slices) * count <= 7 && Number(gib) * count <= room, `${model} ${profile}`);
        const more = count + 1;
        assert.ok(Number(slices) * more > 7 || Number(gib) * more > room, `${model} ${profile}`);
      }
      assert.equal(bottlerocket, `${model.slice(0, 4).toLowerCase()}.${memoryGib}gb`);
    }
  });
});

/** What stands in for NVIDIA's tool; it keeps the state of two GPUs in files. It shows nothing about a real GPU. */
const NVIDIA_SMI = `#!/bin/bash
cd "$STATE_DIRECTORY"
echo "$*" >> calls
list() { for gpu in 0 1; do echo "GPU $gpu: NVIDIA (UUID: GPU-$gpu)"; [[ ! -e made ]] || cat made; done; }
case "$*" in
  --list-gpus) list ;;
  --query-gpu=mig.mode.*) for gpu in 0 1; do cat "\${1##*.}"; done ;;
  "-mig 1")
    # A GPU without MIG says so, and stays as it is.
    [[ $GPU != none ]] || exit 3
    echo Enabled > pending
    [[ $GPU == ampere ]] || echo Enabled > current ;;
  "mig -dci" | "mig -dgi") rm made ;;
  "mig -cgi "*" -C")
    [[ $(cat current) == Enabled && ! -e made && $GPU != broken ]] || exit 4
    for profile in \${3//,/ }; do echo "  MIG $profile     Device  0: (UUID: MIG-0)"; done > made
    [[ $GPU != partial ]] || sed -i 1d made ;;
  *) exit 9 ;;
esac
`;

/** What a GPU does: `ampere` needs a reboot for the mode, `hopper` does not; the others fail. */
type Gpu = "ampere" | "hopper" | "none" | "broken" | "partial";

describe("mig.sh", () => {
  let folder: string;
  const path = (name: string) => join(folder, name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-mig-"));
    const programs = {
      "nvidia-smi": NVIDIA_SMI,
      systemctl: `#!/bin/bash\necho "systemctl $*" >> ${path("calls")}\n`,
      sleep: "#!/bin/bash\n",
    };
    for (const [name, text] of Object.entries(programs)) {
      await writeFile(path(name), text);
      await chmod(path(name), 0o755);
    }
    await setModes("Disabled", "Disabled");
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function setModes(current: string, pending: string): Promise<void> {
    await writeFile(path("current"), `${current}\n`);
    await writeFile(path("pending"), `${pending}\n`);
  }

  /** A boot: what was made before is gone. */
  async function boot(gpu: Gpu): Promise<{ exitCode: number | undefined; stderr: string; changes: string[] }> {
    await rm(path("calls"), { force: true });
    const { exitCode, stderr } = await execa("bash", [join(ROOT, "infra", "gpu", "mig.sh"), "1g.10gb", "3"], {
      env: { PATH: `${folder}:${process.env.PATH}`, STATE_DIRECTORY: folder, GPU: gpu },
      reject: false,
    });
    const calls = (await readFile(path("calls"), "utf8")).trim().split("\n");
    return { exitCode, stderr, changes: calls.filter((call) => !call.startsWith("--")) };
  }

  const CLEAR = ["mig -dci", "mig -dgi"];
  const CUT = [...CLEAR, "mig -cgi 1g.10gb,1g.10gb,1g.10gb -C"];

  it("turns MIG on and cuts every GPU, where no reset is needed", async () => {
    assert.deepEqual(await boot("hopper"), { exitCode: 0, stderr: "", changes: ["-mig 1", ...CUT] });
  });

  it("reboots an A100 once, and cuts it then", async () => {
    const first = await boot("ampere");
    assert.deepEqual(first.changes, ["-mig 1", "systemctl reboot"]);
    assert.notEqual(first.exitCode, 0);
    await setModes("Enabled", "Enabled");
    assert.deepEqual(await boot("ampere"), { exitCode: 0, stderr: "", changes: CUT });
  });

  it("does not reboot for ever", async () => {
    await boot("ampere");
    const { exitCode, stderr, changes } = await boot("ampere");
    assert.deepEqual([exitCode, changes], [1, ["-mig 1"]]);
    assert.match(stderr, /Expected MIG to be on after a reboot but it is still pending/);
  });

  it("replaces what an earlier attempt left", async () => {
    await setModes("Enabled", "Enabled");
    await writeFile(path("made"), "  MIG 7g.80gb     Device  0: (UUID: MIG-0)\n");
    assert.deepEqual(await boot("hopper"), { exitCode: 0, stderr: "", changes: CUT });
  });

  for (const [gpu, message] of [
    ["none", "Expected GPUs that can be cut into MIG instances but received others"],
    ["partial", "Expected 3 instances of 1g.10gb on each of 2 GPUs but received 4 in all"],
  ] as const) {
    it(`fails where GPUs end up as others than promised (${gpu})`, async () => {
      const { exitCode, stderr } = await boot(gpu);
      assert.equal(exitCode, 1);
      assert.ok(stderr.includes(message), stderr);
    });
  }

  it("fails where the tool fails", async () => {
    assert.equal((await boot("broken")).exitCode, 4);
  });
});

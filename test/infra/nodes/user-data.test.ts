import assert from "node:assert/strict";
import { parse } from "yaml";
import type { GpuSharing } from "../../../infra/gpu/sharing.ts";
import type { AmiType } from "../../../infra/nodes/ami.ts";
import type { InstanceTypeName } from "../../../infra/nodes/instance-types.ts";
import { userData } from "../../../infra/nodes/user-data.ts";
import { mimeParts, tomlOf } from "../../support/user-data.ts";

const MIG = { mode: "mig", profile: "1g.10gb", instances: 7 } as const;
const BOTTLEROCKET = "BOTTLEROCKET_x86_64_NVIDIA";
const AL2023 = "AL2023_x86_64_NVIDIA";

const of = (ami: AmiType, sharing?: GpuSharing, instanceTypes: InstanceTypeName[] = ["p5.4xlarge"]) =>
  userData({ ami, instanceTypes, sharing });

/** What cloud-init is told. */
interface CloudConfig {
  write_files: { path: string; permissions: string; content: string }[];
  runcmd: string[][];
}

async function cloudConfig(): Promise<CloudConfig> {
  const [part, ...others] = await mimeParts(of(AL2023, MIG) ?? "");
  assert.deepEqual(others, []);
  assert.equal(part?.type, "text/cloud-config");
  assert.match(part.text, /^#cloud-config\n/);
  return parse(part.text) as CloudConfig;
}

/** Settings of a unit of systemd, by section. */
function unitSettings(unit: string): Record<string, string[]> {
  const sections: Record<string, string[]> = {};
  let section = "";
  for (const line of unit.split("\n").filter((each) => each !== "")) {
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? [];
    section = name ?? section;
    if (name === undefined) sections[section] = [...(sections[section] ?? []), line];
  }
  return sections;
}

describe("userData", () => {
  it("is empty where a chart or nothing does the sharing", () => {
    assert.equal(of("AL2023_x86_64_STANDARD"), undefined);
    assert.equal(of("BOTTLEROCKET_x86_64"), undefined);
    for (const sharing of [
      { mode: "none" },
      { mode: "timeSlicing", replicas: 4 },
      { mode: "mps", replicas: 4 },
    ] as const) {
      assert.equal(of(AL2023, sharing), undefined);
    }
    assert.equal(of(BOTTLEROCKET, { mode: "none" }), undefined);
  });

  it("has Amazon Linux cut GPUs by a service without which the kubelet does not start, at each boot", async () => {
    const { write_files: files, runcmd } = await cloudConfig();
    const [program, unit] = files;
    assert.ok(program && unit && files.length === 2);
    assert.deepEqual([program.path, program.permissions], ["/usr/local/sbin/yolo-mig", "0755"]);
    assert.match(program.content, /^#!\/bin\/bash\n/);
    assert.deepEqual([unit.path, unit.permissions], ["/etc/systemd/system/yolo-mig.service", "0644"]);
    const { Unit, Service, Install } = unitSettings(unit.content);
    assert.ok(Unit?.includes("Before=kubelet.service"));
    const after = (Unit ?? []).filter((line) => line.startsWith("After=")).join(" ");
    // Both names of the driver's service: https://github.com/awslabs/amazon-eks-ami/pull/2792
    for (const service of ["nvidia-kmod-load", "nvidia-setup", "nvidia-persistenced", "nvidia-fabricmanager"]) {
      assert.ok(after.includes(`${service}.service`), service);
    }
    assert.deepEqual(Service?.slice(0, 3), ["Type=oneshot", "RemainAfterExit=yes", "StateDirectory=yolo-mig"]);
    assert.equal(Service.at(-1), "ExecStart=/usr/local/sbin/yolo-mig 1g.10gb 7");
    assert.deepEqual(Install, ["RequiredBy=kubelet.service"]);
    assert.deepEqual(runcmd, [["systemctl", "enable", "yolo-mig.service"]]);
  });

  it("fits what EC2 takes, together with what EKS adds", () => {
    // 16 KB in all: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
    assert.ok(Buffer.byteLength(of(AL2023, MIG) ?? "") < 8 * 1024);
  });

  it("has Bottlerocket's own plugin call shares nvidia.com/gpu, as the chart does", async () => {
    const plugin = async (sharing: GpuSharing) => {
      const { settings } = await tomlOf(of(BOTTLEROCKET, sharing) ?? "");
      return (settings as { "kubelet-device-plugins": { nvidia: object } })["kubelet-device-plugins"].nvidia;
    };
    assert.deepEqual(await plugin({ mode: "timeSlicing", replicas: 4 }), {
      "device-sharing-strategy": "time-slicing",
      "time-slicing": { replicas: 4, "rename-by-default": false, "fail-requests-greater-than-one": true },
    });
    assert.deepEqual(await plugin({ mode: "mps", replicas: 3 }), {
      "device-sharing-strategy": "mps",
      mps: { replicas: 3, "rename-by-default": false },
    });
  });

  it("tells Bottlerocket the profile of each model of GPU that the group may have", async () => {
    const profiles = async (types: InstanceTypeName[], profile: string) => {
      const toml = of(BOTTLEROCKET, { ...MIG, profile }, types) ?? "";
      // EKS takes no header with a quoted key: https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html
      for (const header of toml.match(/^\[.*$/gm) ?? []) assert.doesNotMatch(header, /"/);
      const { settings } = await tomlOf(toml);
      return settings;
    };
    const nvidia = (profile: Record<string, string>) => ({
      "kubelet-device-plugins": { nvidia: { "device-partitioning-strategy": "mig", mig: { profile } } },
    });
    assert.deepEqual(await profiles(["p4d.24xlarge"], "1g.5gb"), nvidia({ "a100.40gb": "1g.5gb" }));
    assert.deepEqual(
      await profiles(["p4de.24xlarge", "p5.48xlarge"], "2g.20gb"),
      nvidia({ "a100.80gb": "2g.20gb", "h100.80gb": "2g.20gb" }),
    );
    assert.deepEqual(await profiles(["p5en.48xlarge"], "1g.18gb"), nvidia({ "h200.141gb": "1g.18gb" }));
    assert.deepEqual(await profiles(["p6-b200.48xlarge"], "1g.23gb"), nvidia({ "b200.180gb": "1g.23gb" }));
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MIG } from "../gpu/mig.ts";
import type { GpuSharing } from "../gpu/sharing.ts";
import { AMI_TYPES, hasBuiltInDevicePlugin } from "./ami.ts";
import type { NodeGroupSettings } from "./args.ts";
import { INSTANCE_TYPES, type InstanceTypeName } from "./instance-types.ts";

/** A way of cutting GPUs. */
type MigSharing = Extract<GpuSharing, { mode: "mig" }>;

/** Service that cuts the GPUs of a machine with Amazon Linux. */
const SERVICE = "yolo-mig.service";
const PROGRAM = "/usr/local/sbin/yolo-mig";

/**
 * What a machine is told at its start of how to share its GPUs; undefined where the device plugin's chart does all there is to do.
 * EKS and Karpenter add to it what joins the node to the cluster, as long as the launch template names no image:
 * https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html#launch-template-user-data,
 * https://karpenter.sh/v1.14/concepts/nodeclasses/#specuserdata
 */
export function userData(
  group: Pick<NodeGroupSettings, "ami" | "instanceTypes"> & { sharing?: GpuSharing | undefined },
): string | undefined {
  const { ami, instanceTypes, sharing = { mode: "none" } } = group;
  if (hasBuiltInDevicePlugin(ami)) return bottlerocketSettings(sharing, instanceTypes);
  return AMI_TYPES[ami].nvidia && sharing.mode === "mig" ? migService(sharing) : undefined;
}

/**
 * Settings of Bottlerocket's own device plugin and MIG manager, as TOML.
 * Source: https://bottlerocket.dev/en/os/1.54.x/api/settings/kubelet-device-plugins
 */
function bottlerocketSettings(sharing: GpuSharing, instanceTypes: readonly InstanceTypeName[]): string | undefined {
  const table = (name: string, values: Record<string, string | number | boolean>) =>
    [
      `[settings.kubelet-device-plugins.nvidia${name}]`,
      // Strings, numbers and truth values are written in TOML as in JSON, and so is a key with a dot.
      ...Object.entries(values).map(
        ([key, value]) => `${key.includes(".") ? JSON.stringify(key) : key} = ${JSON.stringify(value)}`,
      ),
      "",
    ].join("\n");
  switch (sharing.mode) {
    case "none":
      return undefined;
    case "timeSlicing":
      return (
        table("", { "device-sharing-strategy": "time-slicing" }) +
        table(".time-slicing", {
          replicas: sharing.replicas,
          "rename-by-default": false,
          "fail-requests-greater-than-one": true,
        })
      );
    case "mps":
      return (
        table("", { "device-sharing-strategy": "mps" }) +
        table(".mps", { replicas: sharing.replicas, "rename-by-default": false })
      );
    case "mig":
      return (
        table("", { "device-partitioning-strategy": "mig" }) +
        table(".mig.profile", Object.fromEntries(migModels(instanceTypes).map((model) => [model, sharing.profile])))
      );
  }
}

/** Models of GPU, as Bottlerocket calls them. */
function migModels(instanceTypes: readonly InstanceTypeName[]): string[] {
  return instanceTypes.flatMap((name) => {
    const { gpu } = INSTANCE_TYPES[name];
    return (gpu && MIG[gpu]?.bottlerocket) ?? [];
  });
}

/**
 * Cloud-init's orders to install a service that cuts the GPUs before the kubelet starts, at each boot: the kubelet does not start
 * where that fails, so that no node joins with other GPUs than the autoscaler was told of. The kubelet is started after cloud-init:
 * https://github.com/awslabs/amazon-eks-ami/blob/main/templates/al2023/runtime/rootfs/etc/systemd/system/nodeadm-run.service
 */
function migService({ profile, instances }: MigSharing): string {
  const program = readFileSync(join(import.meta.dirname, "..", "gpu", "mig.sh"), "utf8");
  const unit = [
    "[Unit]",
    "Description=Cuts GPUs into MIG instances",
    // The driver, by the two names that its service had, and the order of Bottlerocket's MIG manager. Names of services that
    // an image does not have are ignored.
    "After=nvidia-kmod-load.service nvidia-setup.service nvidia-persistenced.service nvidia-fabricmanager.service",
    "After=set-nvidia-clocks.service",
    "Before=kubelet.service",
    "",
    "[Service]",
    "Type=oneshot",
    "RemainAfterExit=yes",
    "StateDirectory=yolo-mig",
    "TimeoutStartSec=15min",
    `ExecStart=${PROGRAM} ${profile} ${instances}`,
    "",
    "[Install]",
    "RequiredBy=kubelet.service",
    "",
  ].join("\n");
  const orders = {
    write_files: [
      { path: PROGRAM, permissions: "0755", content: program },
      { path: `/etc/systemd/system/${SERVICE}`, permissions: "0644", content: unit },
    ],
    // Not started here: the kubelet's start does that, each time.
    runcmd: [["systemctl", "enable", SERVICE]],
  };
  return [
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="BOUNDARY"',
    "",
    "--BOUNDARY",
    'Content-Type: text/cloud-config; charset="us-ascii"',
    "",
    "#cloud-config",
    // JSON is YAML.
    JSON.stringify(orders, null, 2),
    "",
    "--BOUNDARY--",
    "",
  ].join("\n");
}

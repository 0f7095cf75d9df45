import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { AMI_TYPES, type AmiType } from "./ami.ts";

/** What differs between launch templates. */
export interface LaunchTemplateSettings {
  ami: AmiType;
  diskGib: number;
  /** Key that encrypts the disks; the account's own for EBS when left out. */
  kmsKeyArn?: pulumi.Input<string> | undefined;
  /** Whether CloudWatch gets figures of each instance every minute, which costs extra. */
  detailedMonitoring: boolean;
  /** What the machine is told at its start, besides what EKS tells it. */
  userData?: string | undefined;
  /** Tags of the instances and their disks: default tags of the provider do not reach what EKS makes. */
  tags: Record<string, string>;
}

/**
 * How EKS starts the instances of a group. P10: no image, for then EKS chooses the AMI of the group's type and release, and adds
 * its own user data to that given here; with one, the release would no longer say what runs. EKS allows no instance profile,
 * subnet or shutdown behaviour here: https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html
 */
export function launchTemplateArgs(settings: LaunchTemplateSettings): aws.ec2.LaunchTemplateArgs {
  const { ami, diskGib, kmsKeyArn, detailedMonitoring, userData, tags } = settings;
  const disk = (deviceName: string, volumeSize?: number): aws.types.input.ec2.LaunchTemplateBlockDeviceMapping => ({
    deviceName,
    ebs: {
      volumeType: "gp3",
      encrypted: "true",
      deleteOnTermination: "true",
      ...(volumeSize !== undefined && { volumeSize }),
      ...(kmsKeyArn !== undefined && { kmsKeyId: kmsKeyArn }),
    },
  });
  return {
    updateDefaultVersion: true,
    // Bottlerocket keeps images and logs on a second disk; its first one, the system, has the size of the AMI:
    // https://bottlerocket.dev/en/os/latest/#/concepts/volumes/
    blockDeviceMappings:
      AMI_TYPES[ami].system === "bottlerocket"
        ? [disk("/dev/xvda"), disk("/dev/xvdb", diskGib)]
        : [disk("/dev/xvda", diskGib)],
    // IMDSv2 only, and one hop: pods outside the host's network cannot get the node's credentials.
    metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
    monitoring: { enabled: detailedMonitoring },
    ...(userData !== undefined && { userData: Buffer.from(userData).toString("base64") }),
    tagSpecifications: ["instance", "volume", "network-interface"].map((resourceType) => ({ resourceType, tags })),
  };
}

import type * as k8s from "@pulumi/kubernetes";
import type { Input } from "@pulumi/pulumi";
import { CONTAINER } from "../../service/contract.ts";
import type { GpuApi } from "../detector/args.ts";
import { GPU_PRESENT_LABEL, GPU_RESOURCE, GPU_TOLERATION } from "../nodes/labels.ts";
import { GPU_CLAIM, podResourceClaims } from "./dra.ts";

/**
 * Prints the GPUs that a container was given, and fails unless there are some exactly when there should be. What a container can
 * reach are devices, whatever tools its image has; `nvidia-smi` comes with the devices from NVIDIA's container toolkit.
 */
const PROGRAM = `
const { readdirSync } = require("node:fs");
const { spawnSync } = require("node:child_process");
const expected = process.argv[1] === "some";
const devices = readdirSync("/dev").filter((name) => /^nvidia\\d+$/.test(name));
console.log("GPU devices: " + (devices.join(", ") || "none"));
const { status, stdout } = spawnSync("nvidia-smi", ["--list-gpus"], { encoding: "utf8" });
console.log(stdout ?? "no nvidia-smi");
const works = devices.length > 0 && status === 0 && /^GPU 0/m.test(stdout);
if (expected ? works : devices.length === 0) process.exit(0);
console.error(expected ? "Expected a working GPU for a pod that asked for one." : "Expected no GPU for a pod that asked for none.");
process.exit(1);
`.trim();

/** What the two pods of the check differ in. */
export interface CheckedPod {
  /** Whether the pod asks for a GPU, and should see it. */
  asks: boolean;
  image: Input<string>;
  api: GpuApi;
  /** Template of the claim, where GPUs are claimed. */
  claimTemplateName?: Input<string> | undefined;
}

/** Seconds until a check gives up: a node may have to be bought, started and its drivers loaded. */
export const CHECK_LIMIT_S = 1500;

/** A Job whose pod lands on a node with a GPU and succeeds when it sees one exactly if it asks for one. */
export function checkSpec({ asks, image, api, claimTemplateName }: CheckedPod): k8s.types.input.batch.v1.JobSpec {
  const counted = asks && api === "devicePlugin" ? { [GPU_RESOURCE]: "1" } : {};
  return {
    activeDeadlineSeconds: CHECK_LIMIT_S,
    // A failure is the answer: trying again would only hide that it comes and goes.
    backoffLimit: 0,
    template: {
      spec: {
        restartPolicy: "Never",
        automountServiceAccountToken: false,
        nodeSelector: { [GPU_PRESENT_LABEL]: "true" },
        tolerations: [{ ...GPU_TOLERATION }],
        securityContext: {
          runAsNonRoot: true,
          runAsUser: CONTAINER.uid,
          runAsGroup: CONTAINER.uid,
          seccompProfile: { type: "RuntimeDefault" },
        },
        ...(asks && claimTemplateName !== undefined && { resourceClaims: podResourceClaims(claimTemplateName) }),
        containers: [
          {
            name: "check",
            image,
            command: ["/usr/local/bin/node", "-e", PROGRAM, asks ? "some" : "none"],
            resources: {
              requests: { cpu: "100m", memory: "128Mi", ...counted },
              limits: { memory: "128Mi", ...counted },
              ...(asks && api === "dra" && { claims: [{ name: GPU_CLAIM }] }),
            },
            securityContext: {
              allowPrivilegeEscalation: false,
              capabilities: { drop: ["ALL"] },
              readOnlyRootFilesystem: true,
            },
          },
        ],
      },
    },
  };
}

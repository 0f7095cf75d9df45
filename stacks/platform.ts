import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { DetectorArgs } from "../infra/detector/args.ts";
import type { Detector } from "../infra/detector/detector.ts";

/** A cluster with what the service needs on it. */
export interface Platform {
  /** For every object on the cluster. */
  provider: k8s.Provider;
  /** What must be there before the service, and still be there when it goes. */
  ready: pulumi.Resource[];
  /** What of the service's arguments the platform decides. */
  detector: Partial<Pick<DetectorArgs, "allowFrom" | "namespaceLabels">>;
  /** Makes what watches and exposes the service, and tells what the stack exports besides. */
  attach(detector: Detector): PlatformOutputs;
}

/** What a stack exports of a platform that it makes. */
export interface PlatformOutputs {
  clusterName?: pulumi.Output<string>;
  /** Dollars that a month costs, with the least and the most nodes, and what is missing in it. */
  estimatedMonthlyUsd?: { min: number; max: number; withoutPrice: string[] };
  /** Address of the service for callers outside the cluster. */
  url?: pulumi.Output<string>;
  /** Bucket that the service reads models from. */
  modelBucket?: pulumi.Output<string>;
  /** Repository for images of the service. */
  repositoryUrl?: pulumi.Output<string>;
  /** Role of workflows that preview. */
  previewRoleArn?: pulumi.Output<string>;
  /** Role of workflows that deploy. */
  deployRoleArn?: pulumi.Output<string>;
}

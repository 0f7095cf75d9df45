import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Estimate, Range } from "../infra/cost/estimate.ts";
import type { DetectorArgs } from "../infra/detector/args.ts";
import type { Detector } from "../infra/detector/detector.ts";

/** A cluster with what the service needs on it. */
export interface Platform {
  /** For every object on the cluster. */
  provider: k8s.Provider;
  /** What must be there before the service, and still be there when it goes. */
  ready: pulumi.Resource[];
  /** What of the service's arguments the platform decides. */
  detector: Partial<Pick<DetectorArgs, "allowFrom" | "namespaceLabels" | "prometheusUrl">>;
  /** Makes what watches and exposes the service, where it runs, and tells what the stack exports besides. */
  attach(detector?: Detector): PlatformOutputs;
}

/** What a month costs, as a stack exports it: see infra/cost/estimate.ts. */
export interface MonthlyCost extends Range {
  components: Readonly<Record<string, Range>>;
  /** What is missing in the sums. */
  withoutPrice: string[];
  /** Days of the price tables; missing in a region without one. */
  pricesOf?: Estimate["pricesOf"];
}

/** What a stack exports of a platform that it makes. */
export interface PlatformOutputs {
  clusterName?: pulumi.Output<string>;
  /** Dollars that a month costs with the least and the most nodes, in all and by component. */
  estimatedMonthlyUsd?: MonthlyCost;
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

import type { ChartSource } from "../charts.ts";
import type { PriceTable } from "../cost/prices.ts";
import type { DetectorSettings, Model } from "../detector/args.ts";
import type { Placement } from "../scaling/args.ts";
import type { LatencyBoundMs } from "./metrics.ts";

/** How urgent an alert is: wake somebody up, look at it in working hours, or know about it. */
export type Severity = "critical" | "warning" | "info";

/** What the service promises. Defaults are those of the stack's configuration (stacks/config/monitoring.ts), as all in this file. */
export interface SloSettings {
  /** Share of requests that are not answered with 5xx. */
  availabilityPercent: number;
  latency: {
    /** Share of requests that are answered within the bound. */
    percent: number;
    /** A bound of the service's histogram, because nothing between two bounds is known. */
    thresholdMs: LatencyBoundMs;
  };
  /** Requests in the long window below which no budget alert fires: one failed request of ten is no incident. */
  minRequests: number;
}

/** Where alerts are sent. What grants access to it is a secret, by the name of the receiver. */
export type Receiver =
  /** Secret: the incoming webhook's address. */
  | { type: "slack"; channel: string }
  /** Secret: the integration key (Events API v2). */
  | { type: "pagerduty" }
  /** Secret: the address that gets alerts by POST. */
  | { type: "webhook" }
  /** Secret: the password, where there is a user. */
  | { type: "email"; to: string; from: string; smarthost: string; username?: string | undefined };

/** How alerts reach people. */
export interface AlertmanagerSettings {
  replicas: number;
  storageGib: number;
  receivers: Readonly<Record<string, Receiver>>;
  /** Names of the receivers of each severity; an alert of one without receivers is shown by Alertmanager only. */
  routes: Readonly<Record<Severity, readonly string[]>>;
  /** Hours after which an alert that goes on is sent again. */
  repeatHours: number;
  /** Receiver that gets a sign of life every five minutes, and must raise the alarm when it stops. */
  heartbeat?: string | undefined;
}

/** The monitoring section of a stack's configuration. */
export interface MonitoringSettings {
  retentionDays: number;
  /** Size of each Prometheus' volume. */
  storageGib: number;
  /** Prometheus servers, each of which reads and keeps everything. */
  replicas: number;
  /** Memory of each Prometheus, as a Kubernetes quantity. */
  memory: string;
  scrapeSeconds: number;
  /** Address of docs/runbooks.md, to which each alert adds its own section. */
  runbookUrl: string;
  alertmanager: AlertmanagerSettings;
  slo: SloSettings;
}

/** Arguments of the Monitoring component that are plain. */
export interface MonitoringPlan {
  clusterName: string;
  settings: MonitoringSettings;
  charts: ChartSource;
  /** Nodes for everything but the exporter, which runs on all. */
  placement: Placement;
  /** Namespaces that may query Prometheus, such as KEDA's. */
  readers: readonly string[];
  /** Whether there are nodes with GPUs, and so alerts about them. */
  gpus: boolean;
  /** Prices of the region; nothing is known of costs without them. */
  prices?: PriceTable["instances"] | undefined;
}

/** The part of a Detector that its alerts depend on. */
export type WatchedDetector = Pick<DetectorSettings, "namespace" | "replicas" | "resources" | "serving"> & {
  /** Name of the Detector component, and so of its Service and Deployment. */
  name: string;
  model: Model;
};

import type * as pulumi from "@pulumi/pulumi";
import type { Secrets } from "../../service/contract.ts";

/** A model file by content. */
export interface Model {
  /** Name under which the service reports it. */
  name: string;
  /** SHA-256 of the ONNX file, 64 lower-case hexadecimal digits; the file on the volume is `<sha256>.onnx`. */
  sha256: string;
  /** `https:` or `s3:` address from which pods download the file where the volume does not hold it. */
  uri?: string | undefined;
}

/** Where the model files lie: a folder of the node, one volume for all pods, a volume of each pod, or a folder of each pod. */
export type ModelVolume = HostPathVolume | StorageClassVolume | PodClaimVolume | PodVolume;

/** A folder that exists on the node. */
export interface HostPathVolume {
  type: "hostPath";
  /** Absolute path of the folder. */
  path: string;
  /** Size that is told to Kubernetes, in GiB. */
  sizeGib: number;
  /** Host name of the one node that has the folder; without it every node is expected to have it. */
  node?: string | undefined;
}

/** A volume made on demand, which all pods mount. */
export interface StorageClassVolume {
  type: "storageClass";
  /** Name of the storage class. */
  name: string;
  /** Size in GiB. */
  sizeGib: number;
  /** How nodes may mount it; pods write to it where they download models, if it lets them. */
  accessMode: "ReadOnlyMany" | "ReadWriteOnce" | "ReadWriteMany";
}

/**
 * A volume of each pod that is made and deleted with it: the pod downloads its models into it. For storage classes whose volumes
 * serve one node only, and models that the node's own disk has no room for.
 */
export interface PodClaimVolume {
  type: "podClaim";
  /** Name of the storage class. */
  storageClass: string;
  /** Size in GiB. */
  sizeGib: number;
}

/** A folder of each pod that ends with it: the pod downloads its models into it. */
export interface PodVolume {
  type: "pod";
  /** Size in GiB beyond which the pod is ended. */
  sizeGib: number;
}

/** CPU and memory of one pod, as Kubernetes quantities. */
export interface Resources {
  requests: { cpu: string; memory: string };
  /** Without a CPU limit a pod may use what is idle on its node. */
  limits: { cpu?: string | undefined; memory: string };
  /** GPUs, or shares of one, for each pod. */
  gpus: number;
}

/** How pods get GPUs: counted by a device plugin, or claimed by dynamic resource allocation. */
export type GpuApi = "devicePlugin" | "dra";

/** When pods are added: average use in percent of what a pod requests, and with KEDA also by requests and by the hour. */
export interface Autoscaling {
  cpuPercent: number;
  memoryPercent: number;
  /** With it a ScaledObject of KEDA owns the number of pods, without it a HorizontalPodAutoscaler of its own. */
  keda?: KedaScaling | undefined;
}

/** How KEDA scales the pods. */
export interface KedaScaling {
  /** Requests, or streams, that a pod is to have at a time; as many images as its workers take together when left out. */
  busyPerPod?: number | undefined;
  /** Minutes without a request, a stream and a reason to be awake after which the last pod goes, where `replicas.min` is 0. */
  idleMinutes: number;
  awake?: AwakeHours | undefined;
}

/** Days of the week. */
export type Weekday = "sunday" | "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday";

/** Hours in which there are pods whether or not there are requests. */
export interface AwakeHours {
  days: Weekday[];
  /** Hours and minutes, such as 08:00, of the same day. */
  from: string;
  to: string;
  /** Name in the IANA Time Zone Database. */
  timeZone: string;
  /** Fewest pods in these hours. */
  replicas: number;
}

/** How the Service is reached. */
export interface ServiceExposure {
  type: "ClusterIP" | "NodePort" | "LoadBalancer";
  /** Port on every node; chosen by Kubernetes when left out. */
  nodePort?: number | undefined;
}

/** Settings of the server in the container. */
export interface Serving {
  /** ONNX Runtime's way to run models. */
  executionProvider: "cpu" | "cuda" | "tensorrt";
  /** Processors that inference may use. */
  threads: number;
  /** Inference worker threads, each with a session of its own; as many as `threads` when left out, on a GPU two. */
  workers?: number | undefined;
  /** Most images that one run of the model takes together. */
  maxBatch: number;
  /** Milliseconds that an image waits for others to share its run with. */
  maxBatchDelayMs: number;
  /** Requests that may wait for a worker. */
  queueLimit: number;
  /** Milliseconds from receiving a request to giving up on it. */
  requestTimeoutMs: number;
  /** Largest request body in MiB. */
  bodyLimitMib: number;
  /** Largest image in millions of pixels. */
  pixelLimitMega: number;
  /** Whether images are scaled as OpenCV does, bit for bit, or large photos are decoded smaller. */
  resize: "exact" | "fast";
  /** Hosts from which images are fetched by https for callers that send a URL: `NAME`, `*.NAME`, each with an optional `:PORT`. */
  fetchHosts: string[];
  /** Origins of web pages that may call the service; `*` for all. */
  corsOrigins: string[];
  /** Requests in a minute for each API key, or each address where no keys are asked for; no limit when 0. */
  rateLimitPerMinute: number;
  /** Address to which traces are sent by OTLP over HTTP. */
  otlpEndpoint?: string | undefined;
  /** Whether the pages at `/` and `/docs` are served. */
  page: boolean;
  logLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
}

/** How pods are replaced: by adding new ones first, or, where there is no room, by ending old ones first. */
export type Rollout = { mode: "availability"; maxSurge: number } | { mode: "resourceAware"; maxUnavailable: number };

/** Who may call the service: an address range, or a namespace. */
export type Peer = { cidr: string } | { namespace: string };

/** A taint that pods may run in spite of. */
export interface Toleration {
  key: string;
  operator: "Exists" | "Equal";
  value?: string | undefined;
  effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute" | undefined;
}

/** How one detection service runs. Defaults are those of the stack's configuration (stacks/config/detector.ts). */
export interface DetectorSettings {
  /** Namespace that the component creates and owns. */
  namespace: string;
  /** Bounds between which the autoscaler chooses the number of pods; 0 with hours in which KEDA starts them again. */
  replicas: { min: number; max: number };
  resources: Resources;
  gpuApi: GpuApi;
  autoscaling: Autoscaling;
  service: ServiceExposure;
  serving: Serving;
  rollout: Rollout;
  /** Seconds that a stopping pod still takes requests while load balancers forget it. */
  drainSeconds: number;
  nodeSelector: Record<string, string>;
  tolerations: Toleration[];
  /** Who may call the service besides pods of its own namespace. */
  allowFrom: Peer[];
}

/** Arguments of the Detector component. */
export interface DetectorArgs extends DetectorSettings {
  /** Image of the service, pinned by digest. */
  image: pulumi.Input<string>;
  model: Model;
  modelVolume: ModelVolume;
  /** Labels of the namespace besides its own, such as those by which controllers know it. Defaults to none. */
  namespaceLabels?: Readonly<Record<string, string>> | undefined;
  /** Address of the Prometheus that reads the service's metrics; KEDA asks it. Required with `autoscaling.keda`. */
  prometheusUrl?: string | undefined;
  /** Values that only the service may read; without them it asks for no API key. */
  secrets?: Secrets<pulumi.Input<string>> | undefined;
}

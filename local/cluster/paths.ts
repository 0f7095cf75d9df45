import { createHash } from "node:crypto";
import { join } from "node:path";
import { STATE_DIR } from "../paths.ts";

/** Everything that the node keeps on disk; inside the node it is also `/run/yolo`. */
export const NODE_DIR = join(STATE_DIR, "node");

/** The logs of a start that failed. */
export const FAILED_LOGS = join(STATE_DIR, "failed-start");

/** The same folder under the path that the components use, whatever the clone is called. */
export const INSIDE = "/run/yolo";

/** The program that is PID 1 of the node. */
export const NODE_SCRIPT = join(import.meta.dirname, "node.sh");

/** Tells this clone's cgroups and network device from those of other clones: 8 hexadecimal digits. */
export const CLONE_ID = createHash("sha256").update(STATE_DIR).digest("hex").slice(0, 8);

/** Name of the cgroup below which everything in pods runs. */
export const CGROUP = `yolo-${CLONE_ID}`;

/** Name of the only node of the cluster. */
export const NODE_NAME = "yolo";

/** Name of the cluster, its user and its context in the kubeconfig. */
export const CONTEXT = "yolo-local";

/** Addresses of Services; the first is the API server's. */
export const SERVICE_RANGE = "10.96.0.0/16";
export const API_SERVICE_ADDRESS = "10.96.0.1";
export const DNS_ADDRESS = "10.96.0.10";

/** Addresses of pods. The controller manager gives the first /24 of the range to the only node. */
export const POD_RANGE = "10.244.0.0/16";
export const NODE_POD_RANGE = "10.244.0.0/24";

/** Name of the DNS domain of Services and pods. */
export const CLUSTER_DOMAIN = "cluster.local";

/** The image that holds a pod's namespaces; it must be in the node before the first pod, under this name. */
export const PAUSE_IMAGE = "docker.io/yolo/pause:local";

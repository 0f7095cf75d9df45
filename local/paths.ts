import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The root of this clone. */
export const ROOT = resolve(import.meta.dirname, "..");

/** Everything that belongs to this clone and to no other: the node's files, Pulumi's state, models, results. `npm stop` leaves the last two and links to tools. */
export const STATE_DIR = resolve(process.env.YOLO_STATE || join(ROOT, ".local"));

/** What all clones of this user share, by version: tools, Go's build cache, image layers. Safe to delete. */
export const CACHE_DIR = resolve(
  process.env.YOLO_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "yolo"),
);

/** Credentials of the embedded cluster's administrator. */
export const KUBECONFIG = join(STATE_DIR, "kubeconfig");

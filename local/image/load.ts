import type { Cluster } from "../cluster/index.ts";
import type { Image } from "./oci.ts";

/** How an image is loaded. */
export interface LoadOptions {
  signal?: AbortSignal;
  /** Another full name that the node shall know the image by, for example `docker.io/yolo/pause:local`. Defaults to none. */
  name?: string;
}

/** Gives an image to the node, which then runs it by its reference without pulling; does nothing where it is there already. */
export async function loadImage(cluster: Cluster, image: Image, { signal, name }: LoadOptions = {}): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  const { stdout } = await cluster.run(["ctr", "--namespace=k8s.io", "images", "list", "--quiet"], options);
  if (!stdout.split("\n").includes(image.reference)) {
    // The layout goes through a pipe: a tar on disk would hold the layers a second time.
    const command = 'tar --create --directory="$0" . | ctr --namespace=k8s.io images import -';
    await cluster.run(["sh", "-c", command, image.archive], options);
  }
  if (name !== undefined) {
    await cluster.run(["ctr", "--namespace=k8s.io", "images", "tag", "--force", image.reference, name], options);
  }
}

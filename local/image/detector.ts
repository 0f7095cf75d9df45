import { cp } from "node:fs/promises";
import { join } from "node:path";
import { CONTAINER, PORTS } from "../../service/contract.ts";
import { CACHE_DIR, ROOT } from "../paths.ts";
import { allowedFiles } from "./allow-list.ts";
import { baseLayer } from "./base.ts";
import { dependenciesLayer, NODE_PATH, nodeLayer } from "./dependencies.ts";
import { type Image, type ImageConfig, writeImage } from "./oci.ts";
import { layer, sha256OfFile, withStore } from "./store.ts";

/** How the service's container starts. service/Dockerfile says the same, which a test checks. */
export const DETECTOR_CONFIG: ImageConfig & { Labels: Record<string, string> } = {
  User: `${CONTAINER.uid}:${CONTAINER.uid}`,
  Entrypoint: [NODE_PATH, `${CONTAINER.appDir}/service/src/server.ts`],
  WorkingDir: CONTAINER.appDir,
  Env: ["NODE_ENV=production", "MALLOC_ARENA_MAX=2"],
  ExposedPorts: { [`${PORTS.http}/tcp`]: {} },
  Labels: {
    "org.opencontainers.image.title": "YOLO detection service",
    "org.opencontainers.image.licenses": "Apache-2.0",
  },
};

/** The label that lists the Debian packages of the base, each as `name=version sha256:…`, separated by commas. */
export const PACKAGES_LABEL = "yolo.debian.packages";

/** What the detector's image is built with. */
export interface DetectorImageOptions {
  signal: AbortSignal;
  /** Receives one line for each step that takes time. Defaults to nothing. */
  report?: (line: string) => void;
  /** Root of the clone whose service and lockfile are built. Defaults to this one. */
  root?: string;
  /** Folder of layers and images. Defaults to `images` in the cache. */
  dir?: string;
}

/**
 * Builds the image of the detection service without Docker and without pulling anything: Debian's libraries, the pinned
 * Node, the production dependencies and the application, a layer each. A layer whose inputs have not changed is taken from
 * the cache, and the same inputs give the same digest. Throws a UserError when apt or npm fails or the disk is full.
 */
export async function buildDetectorImage({
  signal,
  report = () => {},
  root = ROOT,
  dir = join(CACHE_DIR, "images"),
}: DetectorImageOptions): Promise<Image> {
  const onWait = () => report("waiting for another clone that builds images");
  return withStore(dir, { signal, onWait }, async (store) => {
    const base = await baseLayer(store, report);
    const node = await nodeLayer(store);
    const dependencies = await dependenciesLayer(store, root, report);
    const files = allowedFiles(root).filter((path) => path.startsWith("service/"));
    const contents = await Promise.all(files.map((path) => sha256OfFile(join(root, path))));
    const application = await layer(store, "application", [CONTAINER.appDir, files, contents], async (target) => {
      for (const path of files) await cp(join(root, path), join(target, CONTAINER.appDir, path));
    });
    const packages = base.packages.map(({ name, version, sha256 }) => `${name}=${version} sha256:${sha256}`).join(", ");
    return writeImage(store, "detector", [base.blob, node, dependencies, application], {
      ...DETECTOR_CONFIG,
      Labels: { ...DETECTOR_CONFIG.Labels, [PACKAGES_LABEL]: packages },
    });
  });
}

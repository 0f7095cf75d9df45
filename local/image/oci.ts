import { existsSync } from "node:fs";
import { link, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addBlob, type Blob, blobPath, type Store, temporaryFolder } from "./store.ts";

/** An image in the cache. */
export interface Image {
  /** Full name by digest, `docker.io/yolo/<name>@sha256:…`. */
  reference: string;
  /** Digest of the manifest, `sha256:` and 64 hexadecimal digits. */
  digest: string;
  /** Folder in OCI image layout (https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md), layers uncompressed. */
  archive: string;
}

/** How a container of an image starts; the keys are those of the OCI image configuration. */
export interface ImageConfig {
  User: string;
  Entrypoint: readonly string[];
  WorkingDir?: string;
  Env?: readonly string[];
  ExposedPorts?: Readonly<Record<string, object>>;
  Labels?: Readonly<Record<string, string>>;
}

/** Names of processor architectures in images, by their names in Node. */
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: "amd64", arm64: "arm64" };

/** The time that every image states as its creation, so that the same inputs give the same digest. */
const CREATED = "1970-01-01T00:00:00Z";

/**
 * Writes the image of `layers`, lowest first, under the name `docker.io/yolo/<name>`; an image already there is kept. Its
 * folder shares its blobs with the store by hard links.
 */
export async function writeImage(
  store: Store,
  name: string,
  layers: readonly Blob[],
  config: ImageConfig,
): Promise<Image> {
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  const configBlob = await addBlob(
    store,
    JSON.stringify({
      created: CREATED,
      architecture,
      os: "linux",
      config,
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
    }),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...configBlob },
    layers: layers.map((layer) => ({ mediaType: "application/vnd.oci.image.layer.v1.tar", ...layer })),
  };
  const manifestBlob = await addBlob(store, JSON.stringify(manifest));
  const reference = `docker.io/yolo/${name}@${manifestBlob.digest}`;
  const archive = join(store.dir, "images", `${name}-${manifestBlob.digest.replace("sha256:", "")}`);
  const image = { reference, digest: manifestBlob.digest, archive };
  if (existsSync(archive)) return image;

  await using folder = await temporaryFolder(store);
  const layout = join(folder.path, "layout");
  await mkdir(join(layout, "blobs", "sha256"), { recursive: true });
  for (const blob of new Set([manifestBlob, configBlob, ...layers])) {
    await link(blobPath(store, blob), blobPath({ ...store, dir: layout }, blob));
  }
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [
      {
        mediaType: manifest.mediaType,
        ...manifestBlob,
        platform: { architecture, os: "linux" },
        // containerd names the image by this: https://github.com/containerd/containerd/blob/v1.6.20/images/annotations.go
        annotations: { "io.containerd.image.name": reference },
      },
    ],
  };
  await writeFile(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(join(layout, "index.json"), JSON.stringify(index));
  await mkdir(join(store.dir, "images"), { recursive: true });
  await rename(layout, archive);
  return image;
}

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import type { Image, ImageConfig } from "../../local/image/oci.ts";
import type { Blob } from "../../local/image/store.ts";

/** The manifest and the configuration of an image, as far as the tests read them. */
export interface ImageContents {
  manifest: { config: Blob; layers: Blob[] };
  config: { config: ImageConfig; rootfs: { diff_ids: string[] } };
}

/** Path of a file of an image. */
export function blobOf(image: Image, digest: string): string {
  return join(image.archive, "blobs", "sha256", digest.replace("sha256:", ""));
}

/** Reads what an image says of itself. */
export function readContents(image: Image): ImageContents {
  const manifest = JSON.parse(readFileSync(blobOf(image, image.digest), "utf8"));
  return { manifest, config: JSON.parse(readFileSync(blobOf(image, manifest.config.digest), "utf8")) };
}

/** Unpacks an image's layers into a new folder, as a container runtime does. */
export async function unpack(image: Image, root: string): Promise<void> {
  mkdirSync(root);
  for (const { digest } of readContents(image).manifest.layers) {
    const file = blobOf(image, digest);
    await execa("tar", ["--extract", "--preserve-permissions", "--file", file, "--directory", root]);
  }
}

import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { CONTAINER } from "../../service/contract.ts";
import { CACHE_DIR } from "../paths.ts";
import { type Image, writeImage } from "./oci.ts";
import { layer, sha256OfFile, withStore } from "./store.ts";

/** What the image of one program is made of. */
export interface BinaryImageOptions {
  /** Name of the image and, below `/`, of the program in it. */
  name: string;
  /** The statically linked program. */
  binary: string;
  signal: AbortSignal;
  /** Arguments that precede those of the container. Defaults to none. */
  args?: readonly string[];
  /** `uid:gid` that the program runs as. Defaults to 65532:65532. */
  user?: string;
  /** Whether there is a /tmp that anyone may write to. Defaults to false. */
  writableTmp?: boolean;
  /** Folder of layers and images. Defaults to `images` in the cache. */
  dir?: string;
}

/** Builds an image of one static program on an empty root file system; throws a UserError when the disk is full. */
export async function binaryImage({
  name,
  binary,
  signal,
  args = [],
  user = `${CONTAINER.uid}:${CONTAINER.uid}`,
  writableTmp = false,
  dir = join(CACHE_DIR, "images"),
}: BinaryImageOptions): Promise<Image> {
  return withStore(dir, { signal }, async (store) => {
    const blob = await layer(store, name, [name, writableTmp, await sha256OfFile(binary)], async (root) => {
      await copyFile(binary, join(root, name));
      if (writableTmp) await mkdir(join(root, "tmp"), { mode: 0o1777 });
    });
    return writeImage(store, name, [blob], { User: user, Entrypoint: [`/${name}`, ...args] });
  });
}

import sharp from "sharp";
import { RequestError } from "../errors.ts";
import type { RgbImage } from "./letterbox.ts";
import { type PixelWeight, pixelWeight } from "./pixel-weight.ts";
import { imageStructure } from "./structure.ts";

/** Content types of images that the service reads. */
export const IMAGE_TYPES = ["image/jpeg", "image/png", "image/webp", "image/avif", "image/tiff", "image/gif"] as const;

/** Pixels of a side at most, which is JPEG's own limit: a column of one pixel takes as long for each as a row of a hundred. */
const LONGEST_SIDE = 65_535;

/** Seconds after which decoding is given up: longer than callers wait, so that only what was not foreseen meets it. */
const MOST_SECONDS = 20;

// An image is decoded on one thread of libuv's pool, which thread-pool.ts makes large enough for all workers; a cache would
// keep callers' images in memory.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Tells from its first bytes whether a file claims to be an image that the service reads, so that the decoder never
 * sees another format (SVG, PDF and others that libraries would open).
 */
export function isImage(file: Uint8Array): boolean {
  const text = (start: number, end: number) => String.fromCharCode(...file.subarray(start, end));
  if (file[0] === 0xff && file[1] === 0xd8 && file[2] === 0xff) return true;
  if (text(0, 8) === "\x89PNG\r\n\x1a\n" || text(0, 6) === "GIF87a" || text(0, 6) === "GIF89a") return true;
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return true;
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(text(0, 4))) return true;
  return text(4, 8) === "ftyp" && ["avif", "avis", "mif1"].includes(text(8, 12));
}

/** @throws RequestError YOLO_IMAGE_TOO_LARGE */
function checkSize(width: number, height: number, pixelLimit: number, { weight, reason }: PixelWeight): void {
  let expected: string | undefined;
  if (width * height * weight > pixelLimit) expected = `${pixelLimit} pixels`;
  else if (Math.max(width, height) > LONGEST_SIDE) expected = `${LONGEST_SIDE} pixels a side`;
  if (expected === undefined) return;
  const times = weight > 1 ? `, of which each pixel counts ${weight} times for its memory (${reason})` : "";
  const message = `Expected an image of at most ${expected} but received ${width} x ${height}${times}.`;
  throw new RequestError("YOLO_IMAGE_TOO_LARGE", message);
}

/** A decoded image, and the size that it was sent in, upright. */
export interface DecodedImage extends RgbImage {
  sentWidth: number;
  sentHeight: number;
}

/**
 * Decodes an image to 8-bit RGB: upright by its EXIF orientation, without alpha, the first frame of an animation.
 * Colour profiles are ignored, as the vendor's reader does.
 * @param target says for an image's size the one that is wanted: a larger image comes in it, for JPEG without decoding all
 *   pixels. Everything in its own size when missing
 * @throws RequestError YOLO_IMAGE_UNREADABLE, or YOLO_IMAGE_TOO_LARGE above `pixelLimit` pixels, each counted
 * by its weight (pixel-weight.ts)
 */
export async function decodeImage(
  file: Uint8Array,
  pixelLimit: number,
  target?: (width: number, height: number) => { scaledWidth: number; scaledHeight: number },
): Promise<DecodedImage> {
  if (!isImage(file))
    throw new RequestError("YOLO_IMAGE_UNREADABLE", "Expected a JPEG, PNG, WebP, AVIF, TIFF or GIF image.");
  const { problem, tiled } = imageStructure(file);
  if (problem !== undefined) throw new RequestError("YOLO_IMAGE_UNREADABLE", problem);
  try {
    // The limit is checked below, before any pixel is decoded, for a message that names both numbers.
    const image = sharp(file, { limitInputPixels: false, ignoreIcc: true, failOn: "error" });
    const metadata = await image.metadata();
    const { width: sentWidth, height: sentHeight } = metadata.autoOrient;
    checkSize(sentWidth, sentHeight, pixelLimit, pixelWeight(metadata, tiled));
    image.autoOrient().timeout({ seconds: MOST_SECONDS });
    const { scaledWidth: width, scaledHeight: height } = target?.(sentWidth, sentHeight) ?? {
      scaledWidth: sentWidth,
      scaledHeight: sentHeight,
    };
    if (width <= sentWidth && height <= sentHeight && width * height < sentWidth * sentHeight)
      image.resize({ width, height, fit: "fill", kernel: "linear" });
    const { data, info } = await image
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`);
    return { data, width: info.width, height: info.height, sentWidth, sentHeight };
  } catch (error) {
    if (error instanceof RequestError) throw error;
    const reason = error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error);
    throw new RequestError("YOLO_IMAGE_UNREADABLE", `Expected a whole image but it cannot be decoded: ${reason}.`, {
      cause: error,
    });
  }
}
